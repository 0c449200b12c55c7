// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memory of a companion that has nothing to do for months.
 */
#ifndef RHA_FOOTPRINT_H
#define RHA_FOOTPRINT_H

/*
 * Lets go of what only the start needed: free memory of the heap, and the pages of program and
 * libraries, which are read from their files again as far as they are used. Loading them touches
 * most of their symbol tables: 4 of 13 MB of redis-watch.
 */
void footprint_trim(void);

#endif
