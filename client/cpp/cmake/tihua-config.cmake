# What find_package(tihua) reads: tihua::client and tihua::rpc, as they were installed.
include(CMakeFindDependencyMacro)
find_dependency(Protobuf)
include(${CMAKE_CURRENT_LIST_DIR}/tihua-grpcpp.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/tihua-targets.cmake)
