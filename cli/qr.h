/*
 * QR code on the terminal
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define QR_WIDTH_MAX 177U

/* What the module has (qr-qrencode.c): the code's modules row by row, 1 is dark. The width, or 0 when it can't be made. */
#define QR_SYMBOL "keyfob_qr_encode"
typedef unsigned (*QrEncode)(const char *text, uint8_t ret[QR_WIDTH_MAX * QR_WIDTH_MAX]);

/* Rows of two modules each, in half blocks, dark on light whatever the terminal's colours. New string, or NULL. */
char *qr_draw(const uint8_t *modules, unsigned width);

/* Prints the text as a QR code and an empty line; nothing where the module is not installed. 0 or the exit code. */
int qr_print(const char *text);
