// The calls by which SQLite reaches its files, in front of those of libc: while the file GIRO_TORTURE_DISK.sync
// exists, each sync fails with EIO; .write and .read are for writing and reading. Go's own files, those of the
// broker among them, do not pass here.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static int broken(const char *what) {
  const char *control = getenv("GIRO_TORTURE_DISK");
  char path[PATH_MAX];
  if (control == NULL || snprintf(path, sizeof path, "%s.%s", control, what) >= (int)sizeof path) return 0;
  int before = errno, there = access(path, F_OK) == 0;
  errno = there ? EIO : before;
  return there;
}

#define FRONT(type, name, what, params, args)                            \
  type name params {                                                     \
    static type(*next) params;                                           \
    if (next == NULL) next = (type(*) params)dlsym(RTLD_NEXT, #name);    \
    return broken(what) ? -1 : next args;                                \
  }

FRONT(int, fsync, "sync", (int fd), (fd))
FRONT(int, fdatasync, "sync", (int fd), (fd))
FRONT(ssize_t, write, "write", (int fd, const void *buf, size_t n), (fd, buf, n))
FRONT(ssize_t, pwrite, "write", (int fd, const void *buf, size_t n, off_t at), (fd, buf, n, at))
FRONT(ssize_t, pwrite64, "write", (int fd, const void *buf, size_t n, off64_t at), (fd, buf, n, at))
FRONT(ssize_t, pread, "read", (int fd, void *buf, size_t n, off_t at), (fd, buf, n, at))
FRONT(ssize_t, pread64, "read", (int fd, void *buf, size_t n, off64_t at), (fd, buf, n, at))
