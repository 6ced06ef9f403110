#pragma once
// Magic characters: %d, %p, %n ... in the text of a config file, replaced as it is read.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mew::options {

// What a config file's name tells; %s, %d and the rest are cut from `absolute`.
struct FileFacts {
    std::string given;     // %o
    std::string absolute;  // %p
    std::uint64_t inode = 0;
};

struct MagicFacts {
    FileFacts file;
    FileFacts outermost;  // %O %D %S ...: the file that was loaded first
    std::string section;  // %x
    std::string outermost_section;
};

struct MagicWarning {
    int line = 0;
    std::string text;
};

// Unknown letters vanish, as in uWSGI, but not silently.
std::string replace_magic(std::string_view text, const MagicFacts& facts,
                          std::vector<MagicWarning>& warnings);

}  // namespace mew::options
