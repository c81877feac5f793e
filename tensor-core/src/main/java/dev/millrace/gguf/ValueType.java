package dev.millrace.gguf;

/** Types of metadata values, by the numbers that GGUF gives them. */
enum ValueType {
  UINT8(1, 4),
  INT8(1, 4),
  UINT16(2, 4),
  INT16(2, 4),
  UINT32(4, 8),
  INT32(4, 4),
  FLOAT32(4, 4),
  BOOL(1, 4),
  STRING(8, 64),
  ARRAY(12, 64),
  UINT64(8, 8),
  INT64(8, 8),
  FLOAT64(8, 24);

  private static final ValueType[] BY_ID = values();

  private final int minBytes;
  private final int heapBytes;

  ValueType(int minBytes, int heapBytes) {
    this.minBytes = minBytes;
    this.heapBytes = heapBytes;
  }

  /** Bytes of a value in a file; of an empty one for strings and arrays. */
  int minBytes() {
    return minBytes;
  }

  /**
   * About what an array's element takes on the heap; without its content for strings and arrays.
   */
  int heapBytes() {
    return heapBytes;
  }

  int id() {
    return ordinal();
  }

  static boolean isId(int id) {
    return id >= 0 && id < BY_ID.length;
  }

  static ValueType ofId(int id) {
    return BY_ID[id];
  }
}
