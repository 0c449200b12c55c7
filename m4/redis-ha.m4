# SPDX-License-Identifier: GPL-2.0-or-later
# What configure.ac asks of the machine: libraries with the packages that have them, compiler flags.

# RHA_REQUIRE(VARIABLE, PKG-CONFIG MODULE, DEBIAN PACKAGE, FEDORA PACKAGE)
AC_DEFUN([RHA_REQUIRE],
    [PKG_CHECK_MODULES([$1], [$2], [], [RHA_MISSING([$2], [$3], [$4])])])

# RHA_REQUIRE_HEADER(HEADER, CPPFLAGS, DEBIAN PACKAGE, FEDORA PACKAGE)
AC_DEFUN([RHA_REQUIRE_HEADER],
    [rha_cppflags=$CPPFLAGS
     CPPFLAGS="$CPPFLAGS $2"
     AC_CHECK_HEADER([$1], [], [RHA_MISSING([$1], [$3], [$4])])
     CPPFLAGS=$rha_cppflags])

AC_DEFUN([RHA_MISSING],
    [AC_MSG_WARN([$1 is missing: apt-get install $2 (Debian), dnf install $3 (Fedora)])
     rha_missing="$rha_missing $1"
     RHA_ADD_WORD([rha_debian], [$2])
     RHA_ADD_WORD([rha_fedora], [$3])])

# RHA_ADD_WORD(VARIABLE, WORD): once.
AC_DEFUN([RHA_ADD_WORD],
    [AS_CASE([" $$1 "], [*" $2 "*], [], [AS_VAR_APPEND([$1], [" $2"])])])

# Ends with one line for each distribution where anything was missing.
AC_DEFUN([RHA_REQUIRED_ALL],
    [AS_IF([test -n "$rha_missing"],
        [AC_MSG_ERROR([missing:$rha_missing
  Debian: apt-get install$rha_debian
  Fedora: dnf install$rha_fedora])])])

# RHA_IF_CC(FLAGS, THEN, ELSE): whether the compiler takes them, with what the user gave, and builds a program.
AC_DEFUN([RHA_IF_CC],
    [AC_MSG_CHECKING([whether $CC takes $1])
     rha_cflags=$CFLAGS
     CFLAGS="$CFLAGS -Werror $1"
     AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <stdio.h>]], [[puts("")]])],
        [AC_MSG_RESULT([yes])
         CFLAGS=$rha_cflags
         $2],
        [AC_MSG_RESULT([no])
         CFLAGS=$rha_cflags
         $3])])

# RHA_ADD_IF_CC(VARIABLE, FLAGS)
AC_DEFUN([RHA_ADD_IF_CC], [RHA_IF_CC([$2], [AS_VAR_APPEND([$1], [" $2"])])])

# Sets RHA_CFLAGS and RHA_LDFLAGS: warnings; then sanitizers, or the hardening that they would get in the way of.
# SIM_CFLAGS and SIM_LDFLAGS are for the simulation, which runs for minutes and faces nobody: inlining across files instead.
# _FORTIFY_SOURCE warns without optimisation, so it is left out where the user's CFLAGS have none.
AC_DEFUN([RHA_COMPILER_FLAGS],
    [RHA_CFLAGS="-std=gnu11 -pthread -Wall -Wextra"
     RHA_LDFLAGS=-pthread
     AS_IF([test "$enable_werror" = yes], [AS_VAR_APPEND([RHA_CFLAGS], [" -Werror"])])
     SIM_CFLAGS=$RHA_CFLAGS
     SIM_LDFLAGS=
     AS_IF([test "$enable_sanitizers" = yes],
        [rha_sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"
         RHA_IF_CC([$rha_sanitize],
            [AS_VAR_APPEND([RHA_CFLAGS], [" $rha_sanitize"])
             AS_VAR_APPEND([RHA_LDFLAGS], [" $rha_sanitize"])
             SIM_CFLAGS=$RHA_CFLAGS
             SIM_LDFLAGS=$RHA_LDFLAGS],
            [AC_MSG_ERROR([--enable-sanitizers: $CC has none here: apt-get install gcc (Debian), dnf install libasan libubsan (Fedora)])])],
        [RHA_ADD_IF_CC([RHA_CFLAGS], [-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2])
         RHA_ADD_IF_CC([RHA_CFLAGS], [-fstack-protector-strong])
         RHA_ADD_IF_CC([RHA_CFLAGS], [-fstack-clash-protection])
         RHA_IF_CC([-fPIE -pie],
            [AS_VAR_APPEND([RHA_CFLAGS], [" -fPIE"])
             AS_VAR_APPEND([RHA_LDFLAGS], [" -pie"])])
         RHA_ADD_IF_CC([RHA_LDFLAGS], [-Wl,-z,relro -Wl,-z,now])
         RHA_ADD_IF_CC([SIM_CFLAGS], [-flto=auto])])
     dnl An agent is started for every action: it loads no library that it does not use.
     RHA_ADD_IF_CC([RHA_LDFLAGS], [-Wl,--as-needed])
     AC_SUBST([RHA_CFLAGS])
     AC_SUBST([RHA_LDFLAGS])
     AC_SUBST([SIM_CFLAGS])
     AC_SUBST([SIM_LDFLAGS])])
