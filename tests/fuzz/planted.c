/* A target that is known to be wrong: tests/fuzz/run.py must find it so, or the runner itself is broken. */
#include <stdlib.h>

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *three = malloc(3);
    volatile char seen;

    MUST(three);
    seen = size > 3 && data[0] == 'b' && data[1] == 'u' && data[2] == 'g' ? three[size] : '\0';
    (void)seen;
    free(three);
    return 0;
}
