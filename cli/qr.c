/*
 * QR codes
 *
 * The library that makes them is in a module of its own, which is loaded when a code is to be shown and not needed
 * otherwise. Drawing is here: a character cell is about twice as high as wide, so it holds two modules, one above the
 * other. Colours are set, as a code of light modules on a dark terminal is one that many cameras don't read.
 */
#include "cli/qr.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "cli/module.h"
#include "cli/output.h"
#include "common/cleanup.h"

#define MODULE_NAME "qr-qrencode.so"
#define QUIET       4U /* ISO/IEC 18004, 6.3.8: modules around it that stay light */
#define COLOURS     "\033[38;5;16;48;5;231m"
#define NO_COLOURS  "\033[0m"

static bool is_dark(const uint8_t *modules, unsigned width, unsigned x, unsigned y)
{
        if (x < QUIET || y < QUIET || x >= width + QUIET || y >= width + QUIET)
                return false;
        return modules[(y - QUIET) * width + (x - QUIET)] & 1;
}

char *qr_draw(const uint8_t *modules, unsigned width)
{
        static const char *const cells[] = {" ", "\u2580", "\u2584", "\u2588"};
        size_t row = strlen("  " COLOURS NO_COLOURS "\n") + (size_t)(width + 2 * QUIET) * 3;
        unsigned whole = width + 2 * QUIET;
        char *text = malloc(row * ((whole + 1) / 2) + 1), *at = text;

        if (!text)
                return NULL;
        for (unsigned y = 0; y < whole; y += 2) {
                at = stpcpy(at, "  " COLOURS);
                for (unsigned x = 0; x < whole; x++)
                        at = stpcpy(at, cells[is_dark(modules, width, x, y) | is_dark(modules, width, x, y + 1) << 1]);
                at = stpcpy(at, NO_COLOURS "\n");
        }
        return text;
}

int qr_print(const char *text)
{
        uint8_t modules[QR_WIDTH_MAX * QR_WIDTH_MAX];
        _cleanup_free_ char *path = module_find(MODULE_NAME), *drawn = NULL;
        void *module = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL, *symbol;
        unsigned width = 0;
        QrEncode encode;
        int r = 0;

        if (!module)
                return 0;
        symbol = dlsym(module, QR_SYMBOL);
        if (symbol) {
                memcpy(&encode, &symbol, sizeof(encode));
                width = encode(text, modules);
        }
        drawn = width > 0 && width <= QR_WIDTH_MAX ? qr_draw(modules, width) : NULL;
        if (drawn) {
                r = output_bytes(drawn, strlen(drawn));
                if (r == 0)
                        r = output_bytes("\n", 1);
                explicit_bzero(drawn, strlen(drawn));
        }
        explicit_bzero(modules, sizeof(modules));
        (void)dlclose(module);
        return r;
}
