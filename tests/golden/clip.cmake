ta_test(clip_golden_test LABEL golden SOURCES clip_test.cpp DEPENDS ta_clip ta_golden_support)
ta_test(projector_golden_test LABEL golden SOURCES projector_test.cpp DEPENDS ta_model ta_golden_support)
ta_test(tokenizer_golden_test LABEL golden SOURCES tokenizer_test.cpp DEPENDS ta_tokenizer ta_golden_files)
