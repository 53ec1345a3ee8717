ta_test(clip_test LABEL unit SOURCES clip_test.cpp DEPENDS ta_clip)
ta_test(projector_test LABEL unit SOURCES projector_test.cpp DEPENDS ta_methods)
ta_test(clean_text_test LABEL unit SOURCES clean_text_test.cpp DEPENDS ta_tokenizer)
ta_test(tokenizer_test LABEL unit SOURCES tokenizer_test.cpp DEPENDS ta_tokenizer)
