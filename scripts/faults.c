/* Faults of calls into the kernel, for scripts/faults.sh: a library that is loaded before others (LD_PRELOAD).
 *
 *   FAULTS_PATH   calls on files whose path contains this are counted, and fail
 *   FAULTS_KIND   eio, once: reads fail with EIO. short: reads give few bytes. eintr: every other read is interrupted.
 *                 hang: a read does not return while FAULTS_WHILE exists, or ever.
 *                 write: a write, sync, rename or open for writing fails with EIO. full: with ENOSPC. kill: the process ends there.
 *   FAULTS_AT     the number of the call that fails, from 0; eio: and all later ones. Without it: all calls
 *   FAULTS_WHILE  only while this file exists
 *   FAULTS_CLOCK  a file with seconds by which the clock of the day is wrong
 *   FAULTS_SEEN   a file to which one byte is added for each call that was counted
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Beside the counted calls: a call of its own, which is not. */
static void seen(void) {
    const char *path = getenv("FAULTS_SEEN");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (fd < 0) return;
    syscall(SYS_write, fd, ".", 1);
    syscall(SYS_close, fd);
}

static int is_kind(const char *kinds) {
    const char *kind = getenv("FAULTS_KIND");
    return kind && strstr(kinds, kind);
}

/* Whether a call on this path fails. */
static int path_fails(const char *path) {
    const char *part = getenv("FAULTS_PATH"), *at = getenv("FAULTS_AT"), *condition = getenv("FAULTS_WHILE");
    if (!part || !strstr(path, part) || (condition && access(condition, F_OK))) return 0;
    long number = atomic_fetch_add(&calls, 1);
    seen();
    if (is_kind("eintr")) return number % 2 == 0;
    if (!at) return 1;
    return is_kind("eio") ? number >= atol(at) : number == atol(at);
}

static int fails(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return path_fails(path);
}

/* As a file system does whose server is gone, until it comes back. */
static void hang(void) {
    const char *condition = getenv("FAULTS_WHILE");
    while (!condition || !access(condition, F_OK)) usleep(10000);
}

/* 0: as if nothing were. -1: fails, errno is set. Else at most so many bytes. */
static ssize_t read_fault(int fd, size_t wanted) {
    if (!is_kind("eio once short eintr hang") || wanted == 0 || !fails(fd)) return 0;
    if (is_kind("hang")) {
        hang();
        return 0;
    }
    if (is_kind("short")) return 1 + atomic_load(&calls) * 7 % 61;
    errno = is_kind("eintr") ? EINTR : EIO;
    return -1;
}

static int write_fault(int fd, const char *path) {
    if (!is_kind("write full kill") || !(path ? path_fails(path) : fails(fd))) return 0;
    if (is_kind("kill")) kill(getpid(), SIGKILL);
    errno = is_kind("full") ? ENOSPC : EIO;
    return -1;
}

#define READ(name, arguments, call)                        \
    ssize_t name arguments {                               \
        ssize_t most = read_fault(fd, n);                  \
        if (most < 0) return -1;                           \
        if (most && (size_t)most < n) n = (size_t)most;    \
        return NEXT(name) call;                            \
    }
READ(read, (int fd, void *to, size_t n), (fd, to, n))
READ(pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at))
READ(pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at))

/* Of several buffers a short read fills a part of the first. */
ssize_t readv(int fd, const struct iovec *to, int count) {
    ssize_t most = read_fault(fd, count ? to[0].iov_len : 0);
    if (most < 0) return -1;
    if (most) return NEXT(read)(fd, to[0].iov_base, (size_t)most < to[0].iov_len ? (size_t)most : to[0].iov_len);
    return NEXT(readv)(fd, to, count);
}

#define WRITE(type, name, arguments, call) \
    type name arguments { return write_fault(fd, NULL) ? -1 : NEXT(name) call; }
WRITE(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n))
WRITE(ssize_t, writev, (int fd, const struct iovec *from, int n), (fd, from, n))
WRITE(ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
WRITE(int, fsync, (int fd), (fd))
WRITE(int, fdatasync, (int fd), (fd))
WRITE(int, syncfs, (int fd), (fd))
WRITE(int, ftruncate64, (int fd, off64_t n), (fd, n))

int rename(const char *from, const char *to) { return write_fault(-1, to) ? -1 : NEXT(rename)(from, to); }
int unlink(const char *path) { return is_kind("kill") && write_fault(-1, path) ? -1 : NEXT(unlink)(path); }

int open64(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    int mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, int) : 0;
    va_end(more);
    if ((flags & O_ACCMODE) != O_RDONLY && write_fault(-1, path)) return -1;
    return NEXT(open64)(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    const char *path = clock == CLOCK_REALTIME ? getenv("FAULTS_CLOCK") : NULL;
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) : -1;
    if (fd < 0) return result;
    char text[32] = "";
    syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    now->tv_sec += atol(text);
    return result;
}
