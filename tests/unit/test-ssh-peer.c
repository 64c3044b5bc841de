/* Who gives something up, where there is no room left in the ssh-agent. */
#include "daemon/ssh-internal.h"
#include "tests/unit/test.h"

#define N 8U

typedef struct World {
        SshDoor door;
        SshConnection connections[N];
        size_t n;
} World;

/* Comes last, so it is the one that spoke last. */
static SshConnection *come(World *world, pid_t pid, size_t held)
{
        SshConnection *connection = &world->connections[world->n++];

        *connection = (SshConnection){.door = &world->door, .next = world->door.first, .frame.held = held};
        connection->peer = ssh_peer_enter(&world->door, pid);
        CHECK(connection->peer);
        *(connection->next ? &connection->next->previous : &world->door.last) = connection;
        world->door.first = connection;
        return connection;
}

static void go(World *world)
{
        for (size_t i = 0; i < world->n; i++)
                ssh_peer_leave(&world->door, world->connections[i].peer);
        CHECK(!world->door.peers);
}

TEST(the_process_with_most_gives_its_oldest)
{
        World world = {0};
        SshConnection *many;

        CHECK(!ssh_spare_connection(&world.door));
        (void)come(&world, 1, 0);
        many = come(&world, 2, 0);
        (void)come(&world, 2, 0);
        (void)come(&world, 2, 0);
        (void)come(&world, 1, 0);
        CHECK(ssh_spare_connection(&world.door) == many);
        CHECK_EQ(many->peer->n_connections, 3);
        go(&world);
}

TEST(what_is_at_work_goes_last)
{
        World world = {0};
        SshConnection *working, *idle;

        working = come(&world, 2, 0);
        idle = come(&world, 2, 0);
        working->ask = (Ask *)&world; /* it is only looked whether there is one */
        CHECK(ssh_connection_waits(working) && !ssh_connection_waits(idle));
        CHECK(ssh_spare_connection(&world.door) == idle);
        idle->signature = (SshSignature *)&world;
        CHECK(ssh_spare_connection(&world.door) == working);
        go(&world);
}

TEST(among_equals_the_oldest)
{
        World world = {0};
        SshConnection *first = come(&world, 1, 0);

        (void)come(&world, 2, 0);
        (void)come(&world, 3, 0);
        CHECK(ssh_spare_connection(&world.door) == first);
        go(&world);
}

TEST(memory_is_given_by_who_has_most_of_it)
{
        World world = {0};
        SshConnection *first;

        (void)come(&world, 1, 900);
        (void)come(&world, 2, 0);
        first = come(&world, 2, 500);
        (void)come(&world, 2, 600);
        CHECK(ssh_spare_memory(&world.door) == first); /* 1100 in all, and one that has nothing is no help */
        go(&world);
}

TEST(nobody_has_any)
{
        World world = {0};

        (void)come(&world, 1, 0);
        CHECK(!ssh_spare_memory(&world.door));
        go(&world);
}

TEST_MAIN
