#pragma once
// A folder for one test: files made, touched, replaced and moved, each change with a time stamp of
// its own.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace mew::watcher {

class TestFolder {
public:
    TestFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "mew-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~TestFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TestFolder(const TestFolder&) = delete;
    TestFolder& operator=(const TestFolder&) = delete;

    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

    std::string write(const std::string& name, const std::string& content = "x") {
        const std::string whole = *this / name;
        std::ofstream(whole) << content;
        return touch(name);
    }
    std::string touch(const std::string& name) {
        const timespec times[2] = {{++seconds_, 0}, {seconds_, 0}};
        EXPECT_EQ(::utimensat(AT_FDCWD, (*this / name).c_str(), times, 0), 0) << name;
        return *this / name;
    }
    void make(const std::string& name) const {
        ASSERT_TRUE(std::filesystem::create_directories(*this / name)) << name;
    }
    void move(const std::string& from, const std::string& to) const {
        ASSERT_EQ(::rename((*this / from).c_str(), (*this / to).c_str()), 0) << from;
    }
    void link(const std::string& target, const std::string& name) const {
        ASSERT_EQ(::symlink(target.c_str(), (*this / name).c_str()), 0) << name;
    }
    // As editors and deployments do: a new file in the place of the old one.
    void replace(const std::string& name, const std::string& content = "x") {
        write(name + ".new", content);
        move(name + ".new", name);
    }

private:
    std::string path_;
    time_t seconds_ = 1'000'000'000;
};

}  // namespace mew::watcher
