/* Where a command's temporary files lie. */
#ifndef ORDERD_COMMANDS_FOLDER_H
#define ORDERD_COMMANDS_FOLDER_H

/* The folder that the variable TMPDIR names, else /var/tmp, which may hold more than memory does. Not to be freed; of the environment. */
const char *folder_temporary(void);

#endif
