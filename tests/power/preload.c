/*
 * Keeps, beside the files of one folder, what a power cut would leave of them.
 *
 * Loaded in front of a program (LD_PRELOAD). POWER_FOLDER is the folder that is watched, POWER_SHADOW another that holds
 * `N`, the bytes of file number N as of its last fsync or fdatasync, and `names`, the lines "N name" of the folder as of
 * its own last fsync. A name survives only if the folder was synced after it was made, as POSIX promises no more.
 * POWER_FAIL=K makes the K-th sync fail with EIO.
 *
 * Left out: subfolders, files mapped into memory (SQLite's -shm, which is volatile by design), writev, fallocate, and
 * dup of a file descriptor; SQLite uses none of them on what must last.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 4096, MOST_FDS = 4096, MOST_RANGES = 65536, NAME = 200, FOLDER = -1 };

struct range {
    off_t at, end;
};

struct file {
    char name[NAME]; /* empty once it has none */
    off_t cut;       /* smallest size since the last sync */
    struct range *dirty;
    size_t count, room;
};

static struct file files[MOST_FILES + 1]; /* numbers count from 1 */
static int file_count;
static int file_of[MOST_FDS];
static char folder[4000], shadow[4000];
static size_t folder_length;
static long syncs, fail_at;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int (*real_open)(const char *, int, ...);
static int (*real_close)(int);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_unlink)(const char *);
static int (*real_rename)(const char *, const char *);

static void give_up(const char *what) {
    fprintf(stderr, "preload: %s: %s\n", what, strerror(errno));
    _exit(99);
}

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) give_up(name);
    return found;
}

static void load(void) {
    if (real_open) return;
    real_close = next("close");
    real_write = next("write");
    real_pwrite = next("pwrite64");
    real_ftruncate = next("ftruncate64");
    real_fsync = next("fsync");
    real_fdatasync = next("fdatasync");
    real_unlink = next("unlink");
    real_rename = next("rename");
    real_open = next("open64");
}

static int shadow_file(int number) {
    char path[4100];
    snprintf(path, sizeof path, "%s/%d", shadow, number);
    int fd = real_open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0) give_up(path);
    return fd;
}

/* The name in the folder, or null for what is not watched. */
static const char *watched(const char *path) {
    if (!folder_length || strncmp(path, folder, folder_length) || path[folder_length] != '/') return NULL;
    const char *name = path + folder_length + 1;
    size_t length = strlen(name);
    if (!length || length >= NAME || strchr(name, '/')) return NULL;
    if (length > 4 && !strcmp(name + length - 4, "-shm")) return NULL;
    return name;
}

static int number_of(const char *name) {
    for (int number = 1; number <= file_count; number++)
        if (!strcmp(files[number].name, name)) return number;
    return 0;
}

static int add_file(const char *name) {
    if (file_count == MOST_FILES) give_up("too many files");
    int number = ++file_count;
    strcpy(files[number].name, name);
    real_close(shadow_file(number));
    return number;
}

static void dirty(int number, off_t at, off_t end) {
    struct file *file = &files[number];
    if (file->count && file->dirty[file->count - 1].end == at) {
        file->dirty[file->count - 1].end = end;
        return;
    }
    if (file->count == file->room) {
        if (file->room == MOST_RANGES) give_up("too many writes without a sync");
        file->room = file->room ? file->room * 2 : 64;
        file->dirty = realloc(file->dirty, file->room * sizeof *file->dirty);
        if (!file->dirty) give_up("memory");
    }
    file->dirty[file->count++] = (struct range){at, end};
}

static void file_is_durable(int fd, int number) {
    struct file *file = &files[number];
    struct stat now;
    if (fstat(fd, &now)) give_up("fstat");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd); /* the descriptor may be for writing only */
    int from = real_open(path, O_RDONLY), to = shadow_file(number);
    struct stat before;
    if (from < 0 || fstat(to, &before)) give_up("shadow");
    if (before.st_size > file->cut && real_ftruncate(to, file->cut)) give_up("shadow");
    if (real_ftruncate(to, now.st_size)) give_up("shadow");
    static char buffer[65536];
    for (size_t i = 0; i < file->count; i++) {
        for (off_t at = file->dirty[i].at; at < file->dirty[i].end && at < now.st_size;) {
            size_t want = file->dirty[i].end - at;
            if (want > sizeof buffer) want = sizeof buffer;
            ssize_t got = pread(from, buffer, want, at);
            if (got <= 0 || real_pwrite(to, buffer, got, at) != got) give_up("shadow");
            at += got;
        }
    }
    real_close(from);
    real_close(to);
    file->count = 0;
    file->cut = now.st_size;
}

static void folder_is_durable(void) {
    char part[4100], whole[4100];
    snprintf(part, sizeof part, "%s/names.part", shadow);
    snprintf(whole, sizeof whole, "%s/names", shadow);
    FILE *out = fopen(part, "w");
    if (!out) give_up(part);
    for (int number = 1; number <= file_count; number++)
        if (files[number].name[0]) fprintf(out, "%d %s\n", number, files[number].name);
    if (fclose(out) || real_rename(part, whole)) give_up(whole);
}

/* What is there at the start has lasted. */
__attribute__((constructor)) static void start(void) {
    load();
    const char *watch = getenv("POWER_FOLDER"), *keep = getenv("POWER_SHADOW"), *fail = getenv("POWER_FAIL");
    if (!watch || !keep) return;
    snprintf(folder, sizeof folder, "%s", watch);
    snprintf(shadow, sizeof shadow, "%s", keep);
    fail_at = fail ? atol(fail) : 0;
    size_t length = strlen(folder);
    DIR *list = opendir(folder);
    if (!list) give_up(folder);
    folder_length = length;
    for (struct dirent *entry; (entry = readdir(list));) {
        char path[4300];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct stat now;
        const char *name = watched(path);
        if (!name || stat(path, &now) || !S_ISREG(now.st_mode)) continue;
        int number = add_file(name), fd = real_open(path, O_RDONLY);
        if (fd < 0) give_up(path);
        dirty(number, 0, now.st_size);
        file_is_durable(fd, number);
        real_close(fd);
    }
    closedir(list);
    folder_is_durable();
}

static int opened(const char *path, int flags, int fd) {
    if (fd < 0 || fd >= MOST_FDS || !folder_length) return fd;
    const char *name = watched(path);
    pthread_mutex_lock(&lock);
    file_of[fd] = 0;
    if (name) {
        int number = number_of(name);
        if (!number) number = add_file(name);
        if (flags & O_TRUNC) files[number].cut = 0;
        file_of[fd] = number;
    } else if (!strcmp(path, folder)) {
        file_of[fd] = FOLDER;
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

static int makes(int flags) { return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE; }

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = makes(flags) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    load();
    return opened(path, flags, real_open(path, flags, mode));
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = makes(flags) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    load();
    return opened(path, flags, real_open(path, flags, mode));
}

static int number_at(int fd) { return fd >= 0 && fd < MOST_FDS ? file_of[fd] : 0; }

int close(int fd) {
    load();
    if (number_at(fd)) file_of[fd] = 0;
    return real_close(fd);
}

static ssize_t wrote(int fd, ssize_t done, off_t at) {
    if (done > 0 && number_at(fd) > 0) {
        pthread_mutex_lock(&lock);
        dirty(file_of[fd], at, at + done);
        pthread_mutex_unlock(&lock);
    }
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    load();
    return wrote(fd, real_pwrite(fd, bytes, count, at), at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t write(int fd, const void *bytes, size_t count) {
    load();
    if (number_at(fd) <= 0) return real_write(fd, bytes, count);
    ssize_t done = real_write(fd, bytes, count);
    return wrote(fd, done, lseek(fd, 0, SEEK_CUR) - done);
}

int ftruncate64(int fd, off_t size) {
    load();
    int done = real_ftruncate(fd, size);
    if (!done && number_at(fd) > 0) {
        pthread_mutex_lock(&lock);
        if (size < files[file_of[fd]].cut) files[file_of[fd]].cut = size;
        pthread_mutex_unlock(&lock);
    }
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int synced(int fd, int (*real)(int)) {
    int number = number_at(fd);
    if (!number) return real(fd);
    pthread_mutex_lock(&lock);
    int done;
    if (++syncs == fail_at) {
        errno = EIO;
        done = -1;
    } else {
        done = real(fd);
        if (!done && number == FOLDER) folder_is_durable();
        if (!done && number > 0) file_is_durable(fd, number);
    }
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) {
    load();
    return synced(fd, real_fsync);
}

int fdatasync(int fd) {
    load();
    return synced(fd, real_fdatasync);
}

static void forget(const char *name) {
    int number = name ? number_of(name) : 0;
    if (number) files[number].name[0] = 0;
}

int unlink(const char *path) {
    load();
    int done = real_unlink(path);
    if (!done) {
        pthread_mutex_lock(&lock);
        forget(watched(path));
        pthread_mutex_unlock(&lock);
    }
    return done;
}

int rename(const char *from, const char *to) {
    load();
    int done = real_rename(from, to);
    if (!done) {
        pthread_mutex_lock(&lock);
        const char *old = watched(from), *new = watched(to);
        int number = old ? number_of(old) : 0;
        forget(new);
        if (number) files[number].name[0] = 0;
        if (number && new) strcpy(files[number].name, new);
        pthread_mutex_unlock(&lock);
    }
    return done;
}
