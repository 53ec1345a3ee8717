/// SQLite's write-ahead log as bytes (sqlite.org/fileformat2.html#the_write_ahead_log). Pure.
///
/// SQLite reads it up to the first frame that does not verify and takes the rest for the end of a
/// commit that was cut short. Where more than one commit follows, that is no cut: every commit was
/// flushed before the next began, so that something was damaged afterwards.
#pragma once

#include <string>
#include <string_view>

namespace tagalign::store {

bool journal_is_damaged(std::string_view journal);

/// Writes the pages of all frames of the journal's generation over `file`, the later over the
/// earlier, also those behind damage: for whoever checks the rows by themselves.
void lay_journal_over(std::string& file, std::string_view journal);

}  // namespace tagalign::store
