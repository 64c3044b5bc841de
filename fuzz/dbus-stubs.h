/* What keyfobd has instead of the world: functions that the linker wraps */
#pragma once

/* The other end of the socket that the helper would have got; the caller's from now on. -1 when none was made. */
int dbus_stubs_helper(void);
