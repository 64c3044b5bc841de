/*
 * What secrets leave behind in a thread
 *
 * In a file of its own, for those that ask for it only: which registers there are is found out at the start of a program that
 * has this in it, by an instruction that takes microseconds in a virtual machine, and that matters to small programs.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/secret.h"

#define STACK_WIPED ((size_t)48 * 1024)

#if defined(__x86_64__)

#define CLEAR4(a, b, c, d)                                                                                            \
        "vpxorq %%zmm" #a ",%%zmm" #a ",%%zmm" #a "\n\tvpxorq %%zmm" #b ",%%zmm" #b ",%%zmm" #b "\n\tvpxorq %%zmm" #c \
        ",%%zmm" #c ",%%zmm" #c "\n\tvpxorq %%zmm" #d ",%%zmm" #d ",%%zmm" #d "\n\t"

#define CLEAR4_SSE(a, b, c, d)                                                                                        \
        "pxor %%xmm" #a ",%%xmm" #a "\n\tpxor %%xmm" #b ",%%xmm" #b "\n\tpxor %%xmm" #c ",%%xmm" #c "\n\tpxor %%xmm" #d \
        ",%%xmm" #d "\n\t"
#define CHANGED                                                                                                       \
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",    \
                "xmm13", "xmm14", "xmm15"

/* All of them belong to whoever is called, so there is nothing in them that a caller wants back. That they are changed is said
 * all the same, to a compiler that sees the caller and this. */
static __attribute__((noinline)) void clear_registers(void)
{
        if (__builtin_cpu_supports("avx512f"))
                __asm__ volatile(CLEAR4(16, 17, 18, 19) CLEAR4(20, 21, 22, 23) CLEAR4(24, 25, 26, 27)
                                         CLEAR4(28, 29, 30, 31)::);
        if (__builtin_cpu_supports("avx"))
                __asm__ volatile("vzeroall" :: : CHANGED);
        else
                __asm__ volatile(CLEAR4_SSE(0, 1, 2, 3) CLEAR4_SSE(4, 5, 6, 7) CLEAR4_SSE(8, 9, 10, 11)
                                         CLEAR4_SSE(12, 13, 14, 15)::: CHANGED);
}

#elif defined(__has_attribute)
#if __has_attribute(zero_call_used_regs)
static __attribute__((noinline, zero_call_used_regs("all"))) void clear_registers(void)
{
        __asm__ volatile("" ::);
}
#else
#define clear_registers()
#endif
#endif

__attribute__((noinline)) void traces_wipe(void)
{
        uint8_t below[STACK_WIPED];

        explicit_bzero(below, sizeof(below));
        clear_registers();
}
