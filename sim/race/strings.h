/*
 * sim/race/strings.h - the C library's functions on strings and memory, as the code under test
 * calls them: what they touch counts as touched by their caller.
 *
 * Each is a point before it looks, when memory points are on, and an access of all the bytes that
 * it reads or writes.
 *
 * Threads: any; off a virtual thread they are the library's own.
 */
#ifndef SIM_RACE_STRINGS_H
#define SIM_RACE_STRINGS_H

#include <stdarg.h>
#include <stddef.h>

size_t __wrap_strlen(const char *text);
size_t __wrap_strnlen(const char *text, size_t max);
int __wrap_strcmp(const char *a, const char *b);
int __wrap_strncmp(const char *a, const char *b, size_t max);
int __wrap_strcasecmp(const char *a, const char *b);
int __wrap_strncasecmp(const char *a, const char *b, size_t max);
char *__wrap_strchr(const char *text, int wanted);
char *__wrap_strchrnul(const char *text, int wanted);
char *__wrap_strrchr(const char *text, int wanted);
char *__wrap_strstr(const char *text, const char *wanted);
char *__wrap_strpbrk(const char *text, const char *set);
size_t __wrap_strspn(const char *text, const char *set);
size_t __wrap_strcspn(const char *text, const char *set);

char *__wrap_strcpy(char *to, const char *from);
char *__wrap_stpcpy(char *to, const char *from);
char *__wrap_strncpy(char *to, const char *from, size_t size_bytes);
char *__wrap_stpncpy(char *to, const char *from, size_t size_bytes);
char *__wrap_strcat(char *to, const char *from);
char *__wrap_strncat(char *to, const char *from, size_t max);

int __wrap_memcmp(const void *a, const void *b, size_t size_bytes);
int __wrap_bcmp(const void *a, const void *b, size_t size_bytes);
void *__wrap_memchr(const void *memory, int wanted, size_t size_bytes);
void *__wrap_memrchr(const void *memory, int wanted, size_t size_bytes);
void *__wrap_memcpy(void *to, const void *from, size_t size_bytes);
void *__wrap_mempcpy(void *to, const void *from, size_t size_bytes);
void *__wrap_memmove(void *to, const void *from, size_t size_bytes);
void *__wrap_memset(void *to, int value, size_t size_bytes);
void __wrap_bzero(void *to, size_t size_bytes);

int __wrap_sprintf(char *to, const char *format, ...);
int __wrap_snprintf(char *to, size_t size_bytes, const char *format, ...);
int __wrap_vsprintf(char *to, const char *format, va_list args);
int __wrap_vsnprintf(char *to, size_t size_bytes, const char *format, va_list args);

#endif
