/*
 * Modules: what is installed beside the programs for others to load
 */
#pragma once

/* The path of a module of this installation. New string, or NULL when there is none (or no memory). */
char *module_find(const char *name);
/* The same for a library that programs of others load by its path. */
char *module_find_library(const char *name);
