/// Values by number, where numbers are given one after the other: a map without a tree.
///
/// What is asked for at every event must not cost a walk through nodes that are long out of the cache:
/// numbers that are neighbours lie in one page, and where no page is missing the number says which one
/// it is. With gaps, however wide, pages are found by halving.
///
/// Like std::map  ascending order; references stay valid until their own value is erased; a copy is a
///                value.
/// Cost           find(): O(1) without gaps, else O(log pages). A page of kPageValues is taken and
///                given back as a whole.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace tagalign::core {

template <class Id, class T>
class IdTable {
  static constexpr std::size_t kPageValues = 32;

 public:
  using value_type = std::pair<const Id, T>;

  template <bool kConst>
  class Iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = IdTable::value_type;
    using difference_type = std::ptrdiff_t;
    using reference = std::conditional_t<kConst, const value_type&, value_type&>;
    using pointer = std::conditional_t<kConst, const value_type*, value_type*>;
    using Table = std::conditional_t<kConst, const IdTable, IdTable>;

    Iterator() = default;
    Iterator(Table* table, std::size_t page, std::size_t slot)
        : table_(table), page_(page), slot_(slot) {}
    operator Iterator<true>() const requires(!kConst) { return {table_, page_, slot_}; }

    reference operator*() const { return *table_->pages_[page_]->values[slot_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      ++slot_;
      skip_empty();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    Iterator& operator--() {
      do {
        if (slot_ == 0) {
          --page_;
          slot_ = kPageValues;
        }
        --slot_;
      } while (!table_->pages_[page_]->values[slot_]);
      return *this;
    }
    Iterator operator--(int) {
      Iterator before = *this;
      --*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    friend IdTable;
    void skip_empty() {
      for (; page_ < table_->pages_.size(); ++page_, slot_ = 0) {
        for (; slot_ < kPageValues; ++slot_) {
          if (table_->pages_[page_]->values[slot_]) return;
        }
      }
    }

    Table* table_ = nullptr;
    std::size_t page_ = 0;
    std::size_t slot_ = 0;
  };
  using iterator = Iterator<false>;
  using const_iterator = Iterator<true>;

  IdTable() = default;
  IdTable(const IdTable& other) : size_(other.size_) {
    pages_.reserve(other.pages_.size());
    for (const auto& page : other.pages_) pages_.push_back(std::make_unique<Page>(*page));
  }
  IdTable(IdTable&& other) noexcept
      : pages_(std::move(other.pages_)), size_(std::exchange(other.size_, 0)) {
    other.pages_.clear();
  }
  IdTable& operator=(IdTable other) noexcept {
    pages_.swap(other.pages_);
    std::swap(size_, other.size_);
    return *this;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  iterator begin() { return first_from(this, 0, 0); }
  iterator end() { return {this, pages_.size(), 0}; }
  const_iterator begin() const { return first_from(this, 0, 0); }
  const_iterator end() const { return {this, pages_.size(), 0}; }
  auto rbegin() { return std::reverse_iterator(end()); }
  auto rend() { return std::reverse_iterator(begin()); }
  auto rbegin() const { return std::reverse_iterator(end()); }
  auto rend() const { return std::reverse_iterator(begin()); }

  iterator find(Id id) { return find_in(this, id); }
  const_iterator find(Id id) const { return find_in(this, id); }
  bool contains(Id id) const { return find(id) != end(); }
  /// The first whose number is higher.
  const_iterator upper_bound(Id id) const {
    const std::size_t page = place_of(number_of(id));
    const bool within = page < pages_.size() && pages_[page]->number == number_of(id);
    return first_from(this, page, within ? slot_of(id) + 1 : 0);
  }
  T& at(Id id) { return at_in(this, id); }
  const T& at(Id id) const { return at_in(this, id); }

  /// As std::map: what is there stays.
  std::pair<iterator, bool> emplace(Id id, T value) {
    const std::size_t at = place_of(number_of(id));
    if (at == pages_.size() || pages_[at]->number != number_of(id)) {
      auto page = std::make_unique<Page>();
      page->number = number_of(id);
      pages_.insert(pages_.begin() + static_cast<std::ptrdiff_t>(at), std::move(page));
    }
    const iterator entry{this, at, slot_of(id)};
    std::optional<value_type>& place = pages_[at]->values[slot_of(id)];
    if (place) return {entry, false};
    place.emplace(id, std::move(value));
    ++pages_[at]->used;
    ++size_;
    return {entry, true};
  }
  std::size_t erase(Id id) {
    const iterator found = find(id);
    if (found == end()) return 0;
    Page& page = *pages_[found.page_];
    page.values[found.slot_].reset();
    --size_;
    if (--page.used == 0) pages_.erase(pages_.begin() + static_cast<std::ptrdiff_t>(found.page_));
    return 1;
  }

 private:
  struct Page {
    std::uint64_t number = 0;  ///< of the ids in it, over kPageValues
    std::size_t used = 0;
    std::array<std::optional<value_type>, kPageValues> values;
  };

  static std::uint64_t number_of(Id id) { return id.value / kPageValues; }
  static std::size_t slot_of(Id id) { return static_cast<std::size_t>(id.value % kPageValues); }

  /// Where the page of that number stands, or would.
  std::size_t place_of(std::uint64_t number) const {
    if (pages_.empty() || number < pages_.front()->number) return 0;
    const std::uint64_t guess = number - pages_.front()->number;
    if (guess < pages_.size() && pages_[guess]->number == number) return guess;
    const auto found = std::ranges::lower_bound(pages_, number, {}, &Page::number);
    return static_cast<std::size_t>(found - pages_.begin());
  }
  template <class Table>
  static auto first_from(Table* table, std::size_t page, std::size_t slot) {
    Iterator<std::is_const_v<Table>> first{table, page, slot};
    first.skip_empty();
    return first;
  }
  template <class Table>
  static Iterator<std::is_const_v<Table>> find_in(Table* table, Id id) {
    const std::size_t page = table->place_of(number_of(id));
    const bool found = page < table->pages_.size() &&
                       table->pages_[page]->number == number_of(id) &&
                       table->pages_[page]->values[slot_of(id)];
    return found ? Iterator<std::is_const_v<Table>>{table, page, slot_of(id)} : table->end();
  }
  template <class Table>
  static auto& at_in(Table* table, Id id) {
    const auto found = find_in(table, id);
    if (found == table->end()) throw std::out_of_range("no value has this number");
    return found->second;
  }

  std::vector<std::unique_ptr<Page>> pages_;  ///< by number; none is empty
  std::size_t size_ = 0;
};

}  // namespace tagalign::core
