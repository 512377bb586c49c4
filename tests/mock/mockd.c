/* A Kafka of librdkafka's mock cluster in a process of its own, for the first try and quick tests: mockd PARTITIONS TOPIC …
 * Prints the bootstrap servers, serves until SIGTERM. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    char error[512];
    rd_kafka_conf_t *conf;
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
    sigset_t set;
    int number;

    if (argc < 3)
        return fputs("usage: mockd PARTITIONS TOPIC …\n", stderr), 64;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "3", error, sizeof error);      /* it warns that it has no brokers: it is to be one */
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
    cluster = rk ? rd_kafka_mock_cluster_new(rk, 1) : NULL;
    if (!cluster)
        return fputs("mockd: no mock cluster\n", stderr), 70;
    for (int i = 2; i < argc; i++)
        rd_kafka_mock_topic_create(cluster, argv[i], atoi(argv[1]), 1);
#if RD_KAFKA_VERSION >= 0x020600ff
    rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
#endif
    puts(rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    sigwait(&set, &number);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(rk);
    return 0;
}
