#pragma once
// Which files a front may open, held by the kernel (Landlock, Linux 5.13): those below one folder,
// where its temporary files are. With that a filter (os/seccomp) may let it open files for reading,
// as it must to pass one on that nobody can write to.

#include "base/result.h"

namespace mew::os {

// For this thread and those that it starts from now on: so before there are others. Files below
// `folder` may be opened for reading and writing, but not made by a name; no others, wherever they
// are; what is open stays open. Sets no_new_privs. An error means that nothing is confined: an
// older kernel, or one without Landlock.
base::Result<void> confine_files(int folder);

}  // namespace mew::os
