add_library(ta_memory_store STATIC ${CMAKE_CURRENT_LIST_DIR} / memory_store.cpp)
    target_link_libraries(ta_memory_store PUBLIC ta_options ta_store)
