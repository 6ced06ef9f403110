#pragma once
// For the unit tests of this folder only: a temporary folder, and load() with fewer words.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "options/load.h"

namespace mew::options::test {

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "mew-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
        path_ = std::filesystem::canonical(pattern).string();
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder(TemporaryFolder&&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    ~TemporaryFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }

    const std::string& path() const { return path_; }
    std::string write(const std::string& name, std::string_view text) const {
        std::string file = path_ + "/" + name;
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

private:
    std::string path_;
};

using Words = std::vector<std::string>;

inline Loaded load_words(const Words& arguments, const Words& environment = {}) {
    Request request;
    return load(arguments, environment, request);
}

// As a file with a [uwsgi] section (or what `text` brings).
inline Loaded load_ini(std::string_view text, const Words& environment = {}) {
    const TemporaryFolder folder;
    const std::string head = text.starts_with("[") ? "" : "[uwsgi]\n";
    return load_words({"--ini", folder.write("app.ini", head + std::string(text))}, environment);
}

inline std::string texts(const std::vector<Mistake>& mistakes) {
    std::string all;
    for (const Mistake& mistake : mistakes) all += mistake.origin + ": " + mistake.text + "\n";
    return all;
}

inline bool says(const std::vector<Mistake>& mistakes, std::string_view text) {
    return texts(mistakes).find(text) != std::string::npos;
}

// The value of the first `given` of that name, or "(none)".
inline std::string given_value(const Loaded& loaded, std::string_view name) {
    for (const Given& given : loaded.given)
        if (given.name == name) return given.value;
    return "(none)";
}

}  // namespace mew::options::test
