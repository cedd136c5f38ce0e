//go:build portaudio

package duplex

/*
#cgo linux LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

static void quiet(const char *file, int line, const char *function, int err, const char *format, ...) {
	(void)file; (void)line; (void)function; (void)err; (void)format;
}

// hush has ALSA, if it is there, keep its words to itself: it writes to the
// standard error, in the middle of what a terminal shows.
static void hush(void) {
	int (*set)(void (*)(const char *, int, const char *, int, const char *, ...)) =
		(int (*)(void (*)(const char *, int, const char *, int, const char *, ...)))dlsym(RTLD_DEFAULT, "snd_lib_error_set_handler");
	if (set != NULL) set(quiet);
}
*/
import "C"

// hush silences ALSA for the life of the process.
func hush() { C.hush() }
