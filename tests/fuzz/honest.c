#define redis_link_send honest_send
#define redis_link_receive honest_receive
#include "fake/redis_link.c"
