#include "service/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Fields of /proc/self/stat, numbered as proc(5) does; the ones after the name. */
enum { FIELD_FIRST = 3, FIELD_UTIME = 14, FIELD_STIME = 15, FIELD_THREADS = 20, FIELD_START = 22, FIELD_VIRTUAL = 23, FIELD_RESIDENT = 24, FIELDS = 25 };

/* The name may hold spaces and brackets: fields are counted behind its last bracket. */
static void read_stat(long long fields[FIELDS])
{
    char text[1024], *at;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

    memset(fields, 0, FIELDS * sizeof *fields);
    if (fd >= 0)
        close(fd);
    text[size > 0 ? size : 0] = '\0';
    at = strrchr(text, ')');
    for (int field = FIELD_FIRST; at && field < FIELDS; field++) {
        at = strchr(at + 1, ' ');
        if (at && field > FIELD_FIRST)
            fields[field] = strtoll(at, NULL, 10);
    }
}

/* But the descriptor that counts them. */
static int64_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    int64_t count = 0;

    if (!folder)
        return 0;
    while ((entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count - 1;
}

static int64_t ms_of(clockid_t which)
{
    struct timespec now;

    clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void process_look(struct process *process)
{
    long long fields[FIELDS];
    long ticks = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
    struct rlimit limit = {0};

    read_stat(fields);
    getrlimit(RLIMIT_NOFILE, &limit);
    *process = (struct process){
        .cpu_ms = (fields[FIELD_UTIME] + fields[FIELD_STIME]) * 1000 / ticks,
        .virtual_bytes = fields[FIELD_VIRTUAL],
        .resident_bytes = fields[FIELD_RESIDENT] * page,
        .open_fds = count_fds(),
        .max_fds = (int64_t)limit.rlim_cur,
        .threads = fields[FIELD_THREADS],
    };
}

int64_t process_started_ms(void)
{
    long long fields[FIELDS];

    read_stat(fields);
    return ms_of(CLOCK_REALTIME) - ms_of(CLOCK_BOOTTIME) + fields[FIELD_START] * 1000 / sysconf(_SC_CLK_TCK);
}
