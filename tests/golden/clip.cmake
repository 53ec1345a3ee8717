ta_test(tokenizer_golden_test LABEL golden SOURCES tokenizer_test.cpp DEPENDS ta_tokenizer ta_golden_files)
