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

#define fuzz_fail(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), abort())

#endif
