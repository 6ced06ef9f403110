// Reading of config files for gather.cc, in the process that loads options.

#include "options/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/format.h"
#include "options/ini.h"
#include "options/parse_value.h"
#include "os/fd.h"

namespace mew::options {
namespace {

constexpr std::size_t kMaxFile = 16U << 20U;
constexpr std::array<std::string_view, 7> kConfigEndings = {".ini",  ".xml", ".yaml", ".yml",
                                                            ".json", ".js",  ".toml"};

bool exists(std::string_view path) {
    std::error_code error;
    return std::filesystem::exists(std::filesystem::path(path), error);
}

FileFacts facts_about(const std::string& path) {
    FileFacts facts;
    facts.given = path;
    std::error_code error;
    const auto absolute = std::filesystem::absolute(path, error);
    facts.absolute = error ? path : absolute.lexically_normal().string();
    struct stat about {};
    if (::stat(path.c_str(), &about) == 0) facts.inode = about.st_ino;
    return facts;
}

bool has_section(const IniText& ini, std::string_view name) {
    return std::find(ini.sections.begin(), ini.sections.end(), name) != ini.sections.end();
}

// The section that counts, by itself and before any magic in the text is replaced.
std::string choose_section(const ConfigName& name, const IniText& ini, ConfigFile& out) {
    if (!name.section.empty()) return name.section;
    const bool ours = has_section(ini, "mewsgi");
    if (ours && has_section(ini, "uwsgi"))
        out.warnings.push_back(
            {name.path, base::format("has a [mewsgi] and a [uwsgi] section; only [mewsgi] is read "
                                     "(write {0}:mewsgi or {0}:uwsgi to choose)",
                                     printable(name.path))});
    return ours ? "mewsgi" : "uwsgi";
}

std::string missing_section(const ConfigName& name, const std::string& section,
                            const IniText& ini) {
    if (ini.sections.empty())
        return base::format(
            "has no [{}] section, so nothing is read from it; put the line [{}] "
            "above its options",
            printable(section), printable(section));
    std::vector<std::string> shown;
    shown.reserve(ini.sections.size());
    for (const std::string& found : ini.sections) shown.push_back(printable(found));
    return base::format(
        "has no [{}] section, so nothing is read from it; it has [{}]: write {}:{} to choose one",
        printable(section), base::join(shown, "], ["), printable(name.path), shown.front());
}

void add_faults(const std::vector<IniFault>& faults, const std::string& path,
                std::vector<Mistake>& to) {
    for (const IniFault& fault : faults)
        to.push_back({base::format("{}:{}", path, fault.line), fault.text});
}

}  // namespace

base::Result<std::string> read_text_file(const std::string& path) {
    const std::string name = path == "-" ? "/dev/stdin" : path;
    if (name.find('\0') != std::string::npos)
        return base::fail(base::format("{}: not a file name", printable(path)));
    const os::Fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file) return base::fail_errno(base::format("cannot read {}", printable(path)));
    std::string text;
    std::array<char, 65536> piece{};
    for (;;) {
        const ssize_t got = ::read(file.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::fail_errno(base::format("cannot read {}", printable(path)));
        if (got == 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(got));
        if (text.size() > kMaxFile)
            return base::fail(
                base::format("{} is longer than 16 MiB; is it the right file?", printable(path)));
    }
}

ConfigName parse_config_name(std::string_view text, const std::string& previous) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find('/', colon) != std::string_view::npos ||
        exists(text))
        return {std::string(text), {}};
    ConfigName name{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
    if (name.path.empty()) name.path = previous;
    return name;
}

bool looks_like_config(std::string_view name) {
    const auto has_ending = [](std::string_view text) {
        return std::any_of(kConfigEndings.begin(), kConfigEndings.end(),
                           [&](auto ending) { return text.ends_with(ending); });
    };
    return has_ending(name) || has_ending(name.substr(0, name.rfind(':')));
}

base::Result<ConfigFile> read_config(const ConfigName& name, const MagicFacts* outermost) {
    if (name.path.find("://") != std::string::npos)
        return base::fail(
            base::format("{}: only files can be read, not addresses", printable(name.path)));
    auto text = read_text_file(name.path);
    if (!text) return std::move(text).failure();
    ConfigFile out;
    out.facts.file = facts_about(name.path);
    const IniText raw = parse_ini(*text);
    const std::string section = choose_section(name, raw, out);
    out.facts.section = section;
    out.facts.outermost = outermost == nullptr ? out.facts.file : outermost->outermost;
    out.facts.outermost_section = outermost == nullptr ? section : outermost->outermost_section;

    std::vector<MagicWarning> vanished;
    const IniText ini = parse_ini(replace_magic(*text, out.facts, vanished));
    for (const MagicWarning& warning : vanished)
        out.warnings.push_back({base::format("{}:{}", name.path, warning.line), warning.text});
    add_faults(ini.warnings, name.path, out.warnings);
    add_faults(ini.faults, name.path, out.mistakes);
    if (!has_section(ini, section))
        out.warnings.push_back({name.path, missing_section(name, section, ini)});
    for (const IniEntry& entry : ini.entries) {
        if (entry.section != section) continue;
        Item item{entry.key, entry.value, entry.bare, base::format("{}:{}", name.path, entry.line)};
        item.source = section == "mewsgi" ? Source::strict : Source::lenient;
        item.from_file = true;
        out.items.push_back(std::move(item));
    }
    return out;
}

}  // namespace mew::options
