# gRPC, as ${grpcpp}: by its own CMake package, or where it has none by pkg-config.
find_package(gRPC CONFIG QUIET)
if(TARGET gRPC::grpc++)
  set(grpcpp gRPC::grpc++)
else()
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(grpcpp REQUIRED IMPORTED_TARGET grpc++)
  set(grpcpp PkgConfig::grpcpp)
endif()
