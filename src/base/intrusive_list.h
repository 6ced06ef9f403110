#pragma once
// A doubly linked list whose links live in the elements: no allocation, removal without the list.
// `Tag` lets one object be on several lists. The list owns nothing; a node unlinks itself when it
// is destroyed.

namespace mew::base {

template <class Tag>
class ListNode {
public:
    ListNode() = default;
    ListNode(const ListNode&) = delete;
    ListNode& operator=(const ListNode&) = delete;
    ~ListNode() { unlink(); }

    bool linked() const { return next_ != nullptr; }
    void unlink() {
        if (next_ == nullptr) return;
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = previous_ = nullptr;
    }

private:
    template <class, class>
    friend class IntrusiveList;
    ListNode* next_ = nullptr;
    ListNode* previous_ = nullptr;
};

template <class T, class Tag>
class IntrusiveList {
public:
    IntrusiveList() { root_.next_ = root_.previous_ = &root_; }
    ~IntrusiveList() {
        while (!empty()) root_.next_->unlink();
        root_.next_ = root_.previous_ = nullptr;
    }
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;

    bool empty() const { return root_.next_ == &root_; }
    T& front() { return *static_cast<T*>(root_.next_); }
    // nullptr: it is empty.
    T* first() { return empty() ? nullptr : &front(); }
    // Moves `element` here if it is on another list of the same tag.
    void push_back(T& element) {
        ListNode<Tag>& node = element;
        node.unlink();
        node.previous_ = root_.previous_;
        node.next_ = &root_;
        root_.previous_->next_ = &node;
        root_.previous_ = &node;
    }
    // The same, before all others.
    void push_front(T& element) {
        ListNode<Tag>& node = element;
        node.unlink();
        node.next_ = root_.next_;
        node.previous_ = &root_;
        root_.next_->previous_ = &node;
        root_.next_ = &node;
    }
    // The element behind `element`, or nullptr at the end.
    T* after(T& element) {
        ListNode<Tag>& node = element;
        return node.next_ == &root_ ? nullptr : static_cast<T*>(node.next_);
    }

private:
    ListNode<Tag> root_;
};

}  // namespace mew::base
