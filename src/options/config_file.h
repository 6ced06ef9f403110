#pragma once
// Config files: found, read, magic characters replaced, the right section chosen. Reads whatever
// can be opened (also "-" for standard input and pipes), bounded in size.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "options/item.h"
#include "options/load.h"
#include "options/magic.h"

namespace mew::options {

// A whole file, up to 16 MiB.
base::Result<std::string> read_text_file(const std::string& path);

struct ConfigName {
    std::string path;
    std::string section;  // empty: uwsgi or mewsgi
};
// FILE, FILE:SECTION; `previous` is what :SECTION alone refers to.
ConfigName parse_config_name(std::string_view text, const std::string& previous);
// ".ini", ".yml" ... and the like, as the name of a config file has them.
bool looks_like_config(std::string_view name);

struct ConfigFile {
    std::vector<Item> items;
    std::vector<Mistake> warnings;
    std::vector<Mistake> mistakes;
    MagicFacts facts;
};
// `outermost`: the facts of the file that led here; nullptr for the first.
base::Result<ConfigFile> read_config(const ConfigName& name, const MagicFacts* outermost);

}  // namespace mew::options
