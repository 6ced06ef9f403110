#include "control/layouts.h"

#include <gtest/gtest.h>

namespace mew::control {
namespace {

TEST(Layouts, SayWhatDiffers) {
    const Layouts own = own_layouts();
    EXPECT_EQ(difference(own, own), "");
    Layouts other = own;
    other.board += 1;
    other.handover += 1;
    EXPECT_EQ(difference(own, other), "board, handover");
    base::Writer writer;
    write_layouts(writer, other);
    base::Reader reader(writer.bytes());
    Layouts back;
    read_layouts(reader, back);
    EXPECT_TRUE(reader.at_end());
    EXPECT_EQ(back, other);
}

}  // namespace
}  // namespace mew::control
