/* Runs a target over every file of a folder, without libFuzzer: the corpus is a regression test in every build. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

enum { INPUT_MAX = 1 << 20 };

static void run(const char *folder, const char *name)
{
    static char path[4096], room[INPUT_MAX];
    uint8_t *exact;
    size_t size;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    MUST(file);
    size = fread(room, 1, sizeof room, file);
    fclose(file);
    fprintf(stderr, "input: %s\n", path);     /* after a crash the last one is the one */
    exact = malloc(size ? size : 1);
    MUST(exact);
    memcpy(exact, room, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    struct dirent **entries;
    int count = argc == 2 ? scandir(argv[1], &entries, NULL, alphasort) : -1, passed = 0;

    if (count < 0) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 64;
    }
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            run(argv[1], entries[i]->d_name);
            passed++;
        }
        free(entries[i]);
    }
    free(entries);
    printf("%d passed, %d failed\n", passed, !passed);
    return !passed;
}
