/*
 * The module that makes QR codes, by libqrencode
 *
 * Correction level M: a code that is photographed from a screen or a print is not damaged, and fewer modules are
 * larger ones.
 */
#include <qrencode.h>
#include <string.h>

#include "cli/qr.h"

unsigned keyfob_qr_encode(const char *text, uint8_t ret[QR_WIDTH_MAX * QR_WIDTH_MAX]);

__attribute__((visibility("default"))) unsigned keyfob_qr_encode(const char *text,
                                                                 uint8_t ret[QR_WIDTH_MAX * QR_WIDTH_MAX])
{
        QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
        unsigned width = 0;

        if (!code)
                return 0;
        if (code->width > 0 && (unsigned)code->width <= QR_WIDTH_MAX) {
                width = (unsigned)code->width;
                for (size_t i = 0; i < (size_t)width * width; i++)
                        ret[i] = code->data[i] & 1;
                explicit_bzero(code->data, (size_t)width * width);
        }
        QRcode_free(code);
        return width;
}
