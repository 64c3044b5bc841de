/* What the parts of a disk that fails (fault-disk.h) tell each other */
#pragma once

#include "tests/unit/fault-disk.h"

#define PAGE 4096U

/* A file that was made without a name, of which there is one at a time. */
#define NAMELESS "#"

typedef enum Kind { KIND_READ, KIND_WRITE, KIND_SYNC, KIND_ROOM, KIND_NAME, KIND_OTHER } Kind;

typedef struct Change {
        size_t offset, size;
        uint8_t *data; /* NULL: the file was cut or grown to `size` */
} Change;

typedef struct Node Node;
struct Node {
        char name[64]; /* below the directory */
        bool there, there_for_certain;
        bool lossy; /* a sync of it failed: memory has what the disk was not given, and will not be unless it changes
                     */
        uint8_t *durable;
        size_t durable_size, durable_used; /* zeros from there on */
        Change *changes;
        size_t n_changes, changed_end;
        Node *next;
};

/* The file with this name below the directory; made when it is not known. */
Node *disk_node(const char *name);
/* The name below the directory that is mounted, or NULL. */
const char *disk_name(const char *path);
/* "" when nothing is mounted. */
const char *disk_directory(void);

/* Whether the step fails, and how; and how much of a write is done before it fails. */
bool disk_step(Kind kind, DiskFault *ret);
size_t disk_part(DiskFault fault, size_t offset, size_t size);

/* A change that was made to the real file. NULL data: it was cut or grown to `size`. */
void disk_note(Node *node, size_t offset, const void *data, size_t size);
/* A sync of a file: of its name, too, or not; one that failed; and that of a directory (NULL: the one mounted). */
void disk_synced(Node *node, bool name);
void disk_sync_failed(Node *node);
void disk_settle_names(const char *below);
/* The file without a name is another now; one file is the content of another from now on. */
void disk_nameless(void);
void disk_move(Node *from, Node *to, bool keep);

/* fault-image.c. Where the zeros at the end begin goes to ret_used. */
uint8_t *disk_read_file(const char *path, size_t *ret_size, size_t *ret_used);
void disk_put_file(const char *directory, const char *name, const uint8_t *data, size_t size, size_t used);
/* Calls visit() for each file in a directory and in the directories in it. */
void disk_walk(const char *directory, const char *prefix,
               void (*visit)(const char *path, const char *name, void *userdata), void *userdata);
