add_library(ta_tiny_models STATIC tiny_models.cpp)
    target_link_libraries(ta_tiny_models PUBLIC ta_methods)
