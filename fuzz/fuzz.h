/*
 * Every file of this folder is a libFuzzer target of its own (`make fuzz FUZZ=json_decode`): it has
 * LLVMFuzzerTestOneInput, and fuzz/seeds.lua makes what it starts with. What must not happen ends
 * the program through fuzz_fail, which libFuzzer reports with the input.
 */
#ifndef FIKS_FUZZ_H
#define FIKS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Without libFuzzer (make fuzz-coverage): the inputs are the files named. */
#ifdef FUZZ_REPLAY
__attribute__((weak)) int LLVMFuzzerInitialize(int *count, char ***arguments);

int main(int argc, char **argv)
{
    static uint8_t input[1 << 16];
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        size_t size = file ? fread(input, 1, sizeof input, file) : 0;
        if (file)
            fclose(file);
        LLVMFuzzerTestOneInput(input, size);
    }
    return 0;
}
#endif

#define fuzz_fail(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), abort())

#endif
