#include "commands/folder.h"

#include <stdlib.h>

const char *folder_temporary(void)
{
    const char *folder = getenv("TMPDIR");

    return folder && folder[0] ? folder : "/var/tmp";
}
