/* Lies and deaths between a program and its file, for LD_PRELOAD.

   Only descriptors whose path ends with $SHIM_SUFFIX are meant. Calls are counted from 1; a setting is "K:N".

   SHIM_TEAR=K:N    the K-th write writes N bytes, then the process is killed
   SHIM_SHORT=K:N   the K-th write writes N bytes, and says so
   SHIM_WRITE=K:E   the K-th write fails with error number E
   SHIM_SYNC=K:E    the K-th fdatasync fails with error number E
   SHIM_LOCK=E      no flock succeeds: error number E
   SHIM_NO_LOCK=1   every flock succeeds and locks nothing
   SHIM_LOG=path    a line per call is appended to this file

   The environment is read at each call, so that a forked child can change it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int n_writes, n_syncs;

static int meant(int fd) {
    const char *suffix = getenv("SHIM_SUFFIX");
    char link[64], path[4096];
    if (!suffix) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    size_t m = strlen(suffix);
    return n >= (ssize_t)m && !memcmp(path + n - m, suffix, m);
}

static long setting(const char *name, int count) {
    const char *text = getenv(name);
    int k;
    long n;
    return text && sscanf(text, "%d:%ld", &k, &n) == 2 && k == count ? n : -1;
}

static void note(const char *call) {
    const char *path = getenv("SHIM_LOG");
    if (!path) return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    syscall(SYS_write, fd, call, strlen(call));
    close(fd);
}

ssize_t write(int fd, const void *data, size_t n) {
    if (!meant(fd)) return syscall(SYS_write, fd, data, n);
    long part;
    n_writes++;
    note("write\n");
    if ((part = setting("SHIM_TEAR", n_writes)) >= 0) {
        syscall(SYS_write, fd, data, part);
        raise(SIGKILL);
    }
    if ((part = setting("SHIM_SHORT", n_writes)) >= 0) return syscall(SYS_write, fd, data, part);
    if ((part = setting("SHIM_WRITE", n_writes)) >= 0) {
        errno = part;
        return -1;
    }
    return syscall(SYS_write, fd, data, n);
}

int fdatasync(int fd) {
    long error;
    if (!meant(fd)) return syscall(SYS_fdatasync, fd);
    n_syncs++;
    note("fdatasync\n");
    if ((error = setting("SHIM_SYNC", n_syncs)) >= 0) {
        errno = error;
        return -1;
    }
    return syscall(SYS_fdatasync, fd);
}

int flock(int fd, int how) {
    if (meant(fd)) {
        const char *error = getenv("SHIM_LOCK");
        note("flock\n");
        if (getenv("SHIM_NO_LOCK")) return 0;
        if (error && !(how & 8)) {
            errno = atoi(error);
            return -1;
        }
    }
    return syscall(SYS_flock, fd, how);
}
