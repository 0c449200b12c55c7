// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Only segments that nobody may write are let go of. What the loader changed and protected after
 * (RELRO) is part of a writable one.
 */
#include "footprint.h"

#include "util.h"
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

static uintptr_t round_up(uintptr_t address, uintptr_t page)
{
    return (address + page - 1) / page * page;
}

static int trim_object(struct dl_phdr_info *object, size_t size, void *data)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size;
    (void)data;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = round_up(object->dlpi_addr + segment->p_vaddr, page);
        uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_filesz) / page * page;

        if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W) && end > begin)
            (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* failed: it stays */
    }
    return 0;
}

void footprint_trim(void)
{
    (void)malloc_trim(0);
    (void)dl_iterate_phdr(trim_object, NULL);
}
