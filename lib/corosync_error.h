// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * corosync's error codes as -errno.
 */
#ifndef RHA_COROSYNC_ERROR_H
#define RHA_COROSYNC_ERROR_H

#include <corosync/corotypes.h>
#include <errno.h>

static inline int corosync_error(cs_error_t error)
{
    switch (error) {
    case CS_OK:
        return 0;
    case CS_ERR_TRY_AGAIN:
        return -EAGAIN;
    case CS_ERR_TIMEOUT:
        return -ETIMEDOUT;
    case CS_ERR_ACCESS:
    case CS_ERR_SECURITY:
        return -EACCES;
    case CS_ERR_NO_MEMORY:
    case CS_ERR_NO_RESOURCES:
        return -ENOMEM;
    case CS_ERR_NOT_EXIST:
        return -ENOENT;
    case CS_ERR_LIBRARY:
    case CS_ERR_BAD_HANDLE:
        return -ENOTCONN;
    default: /* its list grows; what is not above is a fault that nobody here can act on */
        return -EIO;
    }
}

#endif
