/// Names, tables and versions of the two databases (format.md). Private to coordinator/store.
#pragma once

#include <cstdint>
#include <string>

#include "base/format.h"

namespace tagalign::store {

inline constexpr const char* kDatabaseName = "coordinator.sqlite";
inline constexpr const char* kArchiveName = "archive.sqlite";
inline constexpr int kSchemaVersion = 2;
inline constexpr int kArchiveVersion = 1;
inline constexpr std::uint32_t kApplicationId = 0x5441474C;  // "TAGL"

/// What every message about damage ends with.
inline constexpr const char* kWayOut =
    "`tagalign coordinator repair` keeps what verifies and says what it drops";

inline constexpr const char* kFactsTable = R"sql(
CREATE TABLE facts (
  sequence INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  format INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;
)sql";
inline constexpr const char* kSnapshotsTable = R"sql(
CREATE TABLE snapshots (
  sequence INTEGER NOT NULL,
  part INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  format INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  payload BLOB NOT NULL,
  PRIMARY KEY (sequence, part)
) STRICT;
)sql";
inline constexpr const char* kResultsTable = R"sql(
CREATE TABLE results (
  key TEXT PRIMARY KEY,
  job INTEGER NOT NULL,
  method TEXT NOT NULL,
  step INTEGER NOT NULL,
  dataset TEXT NOT NULL,
  protocol TEXT NOT NULL,
  json TEXT NOT NULL
) STRICT;
)sql";
inline constexpr const char* kLiveSelects[] = {
    "SELECT sequence, at_ms, kind, format, checksum, payload FROM facts",
    "SELECT sequence, part, parts, format, checksum, payload FROM snapshots",
    "SELECT key, job, method, step, dataset, protocol, json FROM results"};
inline constexpr const char* kArchiveSelects[] = {kLiveSelects[0], kLiveSelects[2]};
inline constexpr const char* kInsertFact = "INSERT INTO facts VALUES (?, ?, ?, ?, ?, ?)";
inline constexpr const char* kInsertSnapshot =
    "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?)";
inline constexpr const char* kInsertResult =
    "INSERT OR IGNORE INTO results VALUES (?, ?, ?, ?, ?, ?, ?)";

/// Statements that make an empty file one of the two.
inline std::string live_schema() {
  return format("{} {} {} PRAGMA application_id={}; PRAGMA user_version={};", kFactsTable,
                kSnapshotsTable, kResultsTable, kApplicationId, kSchemaVersion);
}
inline std::string archive_schema() {
  return format("{} {} PRAGMA application_id={}; PRAGMA user_version={};", kFactsTable,
                kResultsTable, kApplicationId, kArchiveVersion);
}

}  // namespace tagalign::store
