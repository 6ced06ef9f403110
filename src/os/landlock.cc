#include "os/landlock.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "os/fd.h"

namespace mew::os {
namespace {

// linux/landlock.h, which headers of older kernels lack. The numbers are those of every
// architecture.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr int kPathBeneath = 1;

struct Ruleset {
    std::uint64_t handled_access;
};
struct [[gnu::packed]] PathBeneath {
    std::uint64_t allowed_access;
    std::int32_t folder;
};

constexpr std::uint64_t kWriteFile = 1U << 1U;
constexpr std::uint64_t kReadFile = 1U << 2U;
constexpr std::uint64_t kEverything = (1U << 13U) - 1;  // of the first version

}  // namespace

base::Result<void> confine_files(int folder) {
    const Ruleset ruleset{kEverything};
    const Fd rules(static_cast<int>(::syscall(kCreateRuleset, &ruleset, sizeof ruleset, 0)));
    if (!rules) return base::fail_errno("this kernel does not confine files (Landlock)");
    const PathBeneath below{kReadFile | kWriteFile, folder};
    if (::syscall(kAddRule, rules.get(), kPathBeneath, &below, 0) != 0)
        return base::fail_errno("cannot allow the files of a folder (Landlock)");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return base::fail_errno("cannot give up new privileges (no_new_privs)");
    if (::syscall(kRestrictSelf, rules.get(), 0) != 0)
        return base::fail_errno("cannot confine files (Landlock)");
    return {};
}

}  // namespace mew::os
