#include "audit/spill.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = SPILL_BLOCK_SLOTS * (int)sizeof(struct spill_slot) };

/* A block of the file that is in memory. */
struct block {
    uint64_t number;
    bool held;
    struct spill_slot *slots;
};

/* A lane's part of the file, and the blocks of it that are in memory, the one used last first. */
struct lane {
    uint64_t first, slots;         /* its first block in the file; how many slots it has */
    struct block blocks[SPILL_LANE_BLOCKS];
};

struct spill {
    int fd;
    uint64_t bytes;
    size_t count;
    struct lane lanes[];
};

static int open_file(const char *folder, struct error_text *error)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char name[4096];

    if (fd >= 0)
        return fd;
    if (snprintf(name, sizeof name, "%s/orderd-audit-XXXXXX", folder) >= (int)sizeof name)
        return error_set(error, -ENAMETOOLONG, "the name of the folder %s is too long", folder);
    fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return error_set(error, -errno, "no file can be made in %s: %s", folder, strerror(errno));
    unlink(name);
    return fd;
}

int spill_new(struct spill **out, const char *folder, const uint64_t *slots, size_t lanes, struct error_text *error)
{
    struct spill *spill = calloc(1, sizeof *spill + lanes * sizeof spill->lanes[0]);
    uint64_t first = 0;

    if (!spill)
        return error_set(error, -ENOMEM, "no memory");
    spill->fd = open_file(folder, error);
    if (spill->fd < 0) {
        int r = spill->fd;

        free(spill);
        return r;
    }
    spill->count = lanes;
    for (size_t i = 0; i < lanes; i++) {
        spill->lanes[i].first = first;
        spill->lanes[i].slots = slots[i];
        first += slots[i] / SPILL_BLOCK_SLOTS + 1;
    }
    *out = spill;
    return 0;
}

struct spill *spill_free(struct spill *spill)
{
    if (spill) {
        close(spill->fd);
        for (size_t i = 0; i < spill->count; i++)
            for (size_t k = 0; k < SPILL_LANE_BLOCKS; k++)
                free(spill->lanes[i].blocks[k].slots);
        free(spill);
    }
    return NULL;
}

static int write_back(struct spill *spill, const struct block *block)
{
    const char *at = (const char *)block->slots;
    off_t offset = (off_t)(block->number * BLOCK_BYTES);

    for (size_t left = BLOCK_BYTES; left;) {
        ssize_t n = pwrite(spill->fd, at, left, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        at += n;
        left -= (size_t)n;
        offset += n;
    }
    if ((uint64_t)offset > spill->bytes)
        spill->bytes = (uint64_t)offset;
    return 0;
}

/* What was never written is zeros. */
static int read_in(const struct spill *spill, struct block *block)
{
    char *at = (char *)block->slots;
    off_t offset = (off_t)(block->number * BLOCK_BYTES);

    memset(at, 0, BLOCK_BYTES);
    for (size_t left = (uint64_t)offset < spill->bytes ? BLOCK_BYTES : 0; left;) {
        ssize_t n = pread(spill->fd, at, left, offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        at += n;
        left -= (size_t)n;
        offset += n;
    }
    return 0;
}

/* Another block takes the place of the one that was used least lately. */
static int change_block(struct spill *spill, struct block *block, uint64_t wanted)
{
    int r = 0;

    if (!block->slots)
        block->slots = malloc(BLOCK_BYTES);
    if (!block->slots)
        return -ENOMEM;
    if (block->held)
        r = write_back(spill, block);
    block->held = false;
    block->number = wanted;
    if (!r)
        r = read_in(spill, block);
    block->held = !r;
    return r;
}

int spill_at(struct spill *spill, size_t lane, uint64_t number, struct spill_slot **slot)
{
    uint64_t wanted = spill->lanes[lane].first + number / SPILL_BLOCK_SLOTS;
    struct block *blocks = spill->lanes[lane].blocks, found;
    size_t at = 0;
    int r = 0;

    ASSERT(lane < spill->count && number < spill->lanes[lane].slots);
    while (at < SPILL_LANE_BLOCKS && !(blocks[at].held && blocks[at].number == wanted))
        at++;
    if (at == SPILL_LANE_BLOCKS)
        r = change_block(spill, &blocks[--at], wanted);
    if (at > 0) {
        found = blocks[at];
        memmove(&blocks[1], &blocks[0], at * sizeof *blocks);
        blocks[0] = found;
    }
    if (!r)
        *slot = &blocks[0].slots[number % SPILL_BLOCK_SLOTS];
    return r;
}

uint64_t spill_bytes(const struct spill *spill)
{
    return spill->bytes;
}
