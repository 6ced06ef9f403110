// Replacement of magic characters; called by config_file.cc for each file read.

#include "options/magic.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <optional>

#include "base/format.h"
#include "options/parse_value.h"
#include "os/cgroup.h"

namespace mew::options {
namespace {

// uWSGI's hash of names: djb with xor.
std::uint32_t djb33x(std::string_view text) {
    std::uint32_t hash = 5381;
    for (const char c : text) hash = (hash * 33U) ^ static_cast<unsigned char>(c);
    return hash;
}

std::string_view folder_of(std::string_view path) {
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}
std::string_view base_of(std::string_view path) { return path.substr(folder_of(path).size()); }

std::string_view stem_of(std::string_view path) {
    const std::string_view base = base_of(path);
    return base.substr(0, base.rfind('.'));
}
std::string_view extension_of(std::string_view path) {
    const std::string_view base = base_of(path);
    const auto dot = base.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : base.substr(dot + 1);
}

std::string_view last_folder_of(std::string_view path) {
    std::string_view folder = folder_of(path);
    if (!folder.empty()) folder.remove_suffix(1);
    return base_of(folder);
}

// Component N of the folder: of /srv/app/x.ini, 0 is srv and 1 is app.
std::string_view component_of(std::string_view path, int index) {
    std::string_view folder = folder_of(path);
    while (!folder.empty()) {
        folder.remove_prefix(1);
        const auto slash = folder.find('/');
        if (slash == std::string_view::npos) return {};
        if (index-- == 0) return folder.substr(0, slash);
        folder.remove_prefix(slash);
    }
    return {};
}

std::string user_name() {
    const passwd* const entry = ::getpwuid(::getuid());
    return entry == nullptr ? std::to_string(::getuid()) : entry->pw_name;
}
std::string group_name_now() {
    const group* const entry = ::getgrgid(::getgid());
    return entry == nullptr ? std::to_string(::getgid()) : entry->gr_name;
}
std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}
std::string own_binary() {
    std::error_code error;
    return std::filesystem::read_symlink("/proc/self/exe", error).string();
}
template <class Unit>
std::string time_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::to_string(std::chrono::duration_cast<Unit>(now).count());
}

// Letters that speak of a file; upper case has the outermost one.
std::optional<std::string> about_file(char letter, const FileFacts& file,
                                      const std::string& section) {
    switch (letter) {
        case 'o':
            return file.given;
        case 'p':
            return file.absolute;
        case 's':
            return std::string(base_of(file.absolute));
        case 'd':
            return std::string(folder_of(file.absolute));
        case 'e':
            return std::string(extension_of(file.absolute));
        case 'n':
            return std::string(stem_of(file.absolute));
        case 'c':
            return std::string(last_folder_of(file.absolute));
        case 'x':
            return section;
        case 'i':
            return std::to_string(file.inode);
        case 'j':
            return std::to_string(djb33x(file.absolute));
        default:
            return std::nullopt;
    }
}

std::optional<std::string> about_system(char letter) {
    std::error_code error;
    switch (letter) {
        case 'b':
            return own_binary();
        case 'v':
            return std::filesystem::current_path(error).string();
        case 'V':
            return std::string("2.0.31");  // the version of uWSGI that we stand in for
        case 'h':
            return host_name();
        case 't':
            return time_now<std::chrono::seconds>();
        case 'T':
            return time_now<std::chrono::microseconds>();
        case 'k':
            return std::to_string(os::usable_cpus());
        case 'u':
            return std::to_string(::getuid());
        case 'U':
            return user_name();
        case 'g':
            return std::to_string(::getgid());
        case 'G':
            return group_name_now();
        case '[':
            return std::string("\033");
        case '%':
            return std::string("%");
        default:
            return std::nullopt;
    }
}

std::optional<std::string> meaning(char letter, const MagicFacts& facts) {
    if (letter >= '0' && letter <= '9')
        return std::string(component_of(facts.file.absolute, letter - '0'));
    if (auto found = about_system(letter)) return found;
    if (auto found = about_file(letter, facts.file, facts.section)) return found;
    if (letter >= 'A' && letter <= 'Z')
        return about_file(static_cast<char>(letter - 'A' + 'a'), facts.outermost,
                          facts.outermost_section);
    return std::nullopt;
}

void replace_in_line(std::string_view line, int number, const MagicFacts& facts, std::string& out,
                     std::vector<MagicWarning>& warnings) {
    const std::string_view content = trim(line);
    const bool comment = !content.empty() && (content.front() == ';' || content.front() == '#');
    std::size_t from = 0;
    for (auto at = line.find('%'); at != std::string_view::npos; at = line.find('%', from)) {
        out += line.substr(from, at - from);
        const char letter = at + 1 < line.size() ? line[at + 1] : ' ';
        if (letter == '(' || letter == ' ' || letter == '\t' || letter == '\r') {
            out += '%';  // %( is for later; "100 % of it" is meant as written
            from = at + 1;
            continue;
        }
        from = at + 2;
        while (from < line.size() && (static_cast<unsigned char>(line[from]) & 0xC0U) == 0x80)
            ++from;  // the rest of a UTF-8 letter vanishes with its head
        if (auto text = meaning(letter, facts))
            out += *text;
        else if (!comment)
            warnings.push_back(
                {number, base::format("%{0} means nothing here and vanishes; write %%{0} for the "
                                      "text itself",
                                      printable(line.substr(at + 1, from - at - 1)))});
    }
    if (from < line.size()) out += line.substr(from);
}

}  // namespace

std::string replace_magic(std::string_view text, const MagicFacts& facts,
                          std::vector<MagicWarning>& warnings) {
    std::string out;
    out.reserve(text.size());
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        replace_in_line(text.substr(0, end), number, facts, out, warnings);
        if (end == std::string_view::npos) break;
        out += '\n';
        text.remove_prefix(end + 1);
    }
    return out;
}

}  // namespace mew::options
