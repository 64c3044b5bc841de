/*
 * bench-secrets: its commands, each with the arguments after its name; 0, or 2 for wrong ones
 */
#pragma once

#include "bench/provider.h"

#define PROVIDERS_MAX 6

int fill(int argc, char **argv);
int storm(int argc, char **argv);
int bulk(int argc, char **argv);
int visitors(int argc, char **argv);
int idle(int argc, char **argv);
int hostile(int argc, char **argv);
int start(int argc, char **argv);
int unlock(int argc, char **argv);
int beside(int argc, char **argv);
