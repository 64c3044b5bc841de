/* An input, taken from the front; when it is used up, zeros follow. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct Input {
        const uint8_t *data;
        size_t size;
} Input;

static inline bool input_more(const Input *input)
{
        return input->size > 0;
}

static inline uint8_t input_u8(Input *input)
{
        if (input->size == 0)
                return 0;
        input->size--;
        return *input->data++;
}

static inline uint16_t input_u16(Input *input)
{
        uint16_t high = input_u8(input);

        return (uint16_t)(high << 8 | input_u8(input));
}

static inline uint32_t input_u32(Input *input)
{
        uint32_t high = input_u16(input);

        return high << 16 | input_u16(input);
}

/* Up to `max` bytes, as many as the next byte says; they stay the input's. */
static inline const uint8_t *input_bytes(Input *input, size_t max, size_t *ret_size)
{
        const uint8_t *data;
        size_t size = input_u8(input);

        size = size < max ? size : max;
        size = size < input->size ? size : input->size;
        data = input->data;
        input->data += size;
        input->size -= size;
        *ret_size = size;
        return data;
}
