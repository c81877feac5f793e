package dev.millrace.gguf;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a GGUF file's header: magic, version, counts, metadata, descriptions of tensors. One long
 * idea: nothing in the file is believed before it is checked, and nothing is allocated that the
 * bytes left in the file (and {@link #MAX_METADATA_HEAP}) don't cover.
 *
 * <p>Strings that aren't well-formed UTF-8 are refused as names (keys, tensors), and get U+FFFD for
 * what is wrong as values: vocabularies in use hold odd bytes.
 */
final class GgufParser {
  static final int MAGIC = 0x46554747; // "GGUF", little-endian
  static final String ALIGNMENT_KEY = "general.alignment";
  static final int DEFAULT_ALIGNMENT = 32;

  /** The format's own limits. */
  static final int MAX_KEY_BYTES = 65_535;

  static final int MAX_TENSOR_NAME_BYTES = 64;
  static final int MAX_DIMENSIONS = 4;

  /** Beyond what paging or vector units ask for. */
  static final int MAX_ALIGNMENT = 65_536;

  /** Models in use have some hundred keys and, with hundreds of experts a layer, 50,000 tensors. */
  static final int MAX_KEYS = 65_536;

  static final int MAX_TENSORS = 131_072;

  /** Arrays within arrays; files in use have none. Bounds the parser's recursion. */
  static final int MAX_NESTING = 4;

  /**
   * Heap that metadata may take. The largest vocabularies in use (262,144 tokens, 515,000 merges)
   * take a quarter of it.
   */
  static final long MAX_METADATA_HEAP = 256L << 20;

  /** key length, type, smallest value */
  private static final int MIN_KEY_BYTES = 8 + 4 + 1;

  /** name length, dimensions, one dimension, type, offset */
  private static final int MIN_TENSOR_BYTES = 8 + 4 + 8 + 4 + 8;

  private final MemorySegment bytes;
  private final Cursor cursor;
  private long heapLeft = MAX_METADATA_HEAP;

  GgufParser(String file, MemorySegment bytes) {
    this.bytes = bytes;
    this.cursor = new Cursor(file, bytes);
  }

  record Parsed(Metadata metadata, Map<String, TensorData> tensors) {}

  Parsed parse() {
    if (cursor.i32() != MAGIC) {
      throw cursor.fault("not a GGUF file: it doesn't start with \"GGUF\"");
    }
    int version = cursor.i32();
    if (version != 2 && version != 3) {
      int swapped = Integer.reverseBytes(version);
      throw cursor.fault(
          swapped == 2 || swapped == 3
              ? "the file is big-endian; only little-endian files are supported"
              : "version " + Integer.toUnsignedString(version) + "; supported are 2 and 3");
    }
    int tensors = count("tensor count", MAX_TENSORS, MIN_TENSOR_BYTES);
    int keys = count("metadata key count", MAX_KEYS, MIN_KEY_BYTES);
    Metadata metadata = metadata(keys);
    return new Parsed(metadata, tensors(tensors, metadata));
  }

  private int count(String what, int limit, int minBytesEach) {
    long count = cursor.count(what);
    if (count > limit) {
      throw cursor.fault(what + " " + count + "; at most " + limit + " are allowed");
    }
    if (count > cursor.remaining() / minBytesEach) {
      throw cursor.fault(
          what + " " + count + " doesn't fit the " + cursor.remaining() + " bytes left");
    }
    return (int) count;
  }

  // Metadata

  private Metadata metadata(int count) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      cursor.reading("metadata key number " + i);
      String key = cursor.name(MAX_KEY_BYTES);
      cursor.reading("metadata key " + Cursor.printable(key));
      spend(ValueType.STRING.heapBytes() + 2L * key.length());
      if (values.put(key, value(valueType(), 0)) != null) {
        throw cursor.fault("the key occurs twice");
      }
    }
    return new Metadata(Collections.unmodifiableMap(values));
  }

  private ValueType valueType() {
    int id = cursor.i32();
    if (!ValueType.isId(id)) {
      throw cursor.fault("unknown value type " + Integer.toUnsignedString(id));
    }
    return ValueType.ofId(id);
  }

  private Object value(ValueType type, int depth) {
    return switch (type) {
      case UINT8, INT8, UINT16, INT16, INT32 -> (long) smallInteger(type);
      case UINT32 -> Integer.toUnsignedLong(cursor.i32());
      case UINT64 -> cursor.count("value");
      case INT64 -> cursor.i64();
      case FLOAT32 -> (double) Float.intBitsToFloat(cursor.i32());
      case FLOAT64 -> Double.longBitsToDouble(cursor.i64());
      case BOOL -> bool();
      case STRING -> string();
      case ARRAY -> array(depth);
    };
  }

  private int smallInteger(ValueType type) {
    return switch (type) {
      case UINT8 -> Byte.toUnsignedInt(cursor.i8());
      case INT8 -> cursor.i8();
      case UINT16 -> Short.toUnsignedInt(cursor.i16());
      case INT16 -> cursor.i16();
      case INT32 -> cursor.i32();
      default -> throw new IllegalArgumentException(type.toString());
    };
  }

  private boolean bool() {
    int value = cursor.i8();
    if (value != 0 && value != 1) {
      throw cursor.fault("a bool is 0 or 1, not " + Byte.toUnsignedInt((byte) value));
    }
    return value == 1;
  }

  private String string() {
    byte[] raw = cursor.stringBytes(heapLeft / 2);
    spend(ValueType.STRING.heapBytes() + 2L * raw.length);
    return new String(raw, UTF_8);
  }

  private Object array(int depth) {
    if (depth == MAX_NESTING) {
      throw cursor.fault("arrays nested deeper than " + MAX_NESTING);
    }
    ValueType type = valueType();
    long length = cursor.count("array length");
    if (length > cursor.remaining() / type.minBytes()) {
      throw cursor.fault(
          "array of "
              + length
              + " "
              + type
              + " doesn't fit the "
              + cursor.remaining()
              + " bytes left");
    }
    spend(length * type.heapBytes());
    int count = (int) length;
    return switch (type) {
      case UINT8, INT8, UINT16, INT16, INT32 -> {
        int[] array = new int[count];
        Arrays.setAll(array, i -> smallInteger(type));
        yield array;
      }
      case UINT32, UINT64, INT64 -> {
        long[] array = new long[count];
        Arrays.setAll(array, i -> (long) value(type, depth));
        yield array;
      }
      case FLOAT32 -> {
        float[] array = new float[count];
        for (int i = 0; i < count; i++) {
          array[i] = Float.intBitsToFloat(cursor.i32());
        }
        yield array;
      }
      case FLOAT64, BOOL, STRING, ARRAY -> {
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          list.add(value(type, depth + 1));
        }
        yield Collections.unmodifiableList(list);
      }
    };
  }

  /** Takes heap from what metadata may use, before it is allocated. */
  private void spend(long heapBytes) {
    heapLeft -= heapBytes;
    if (heapLeft < 0) {
      throw cursor.fault(
          "metadata would take more than " + (MAX_METADATA_HEAP >> 20) + " MiB of heap");
    }
  }

  // Tensors

  /**
   * A tensor as described in the header; its data isn't looked at.
   *
   * @param offset from the start of the data
   */
  private record Description(
      String name, ElementType type, List<Long> shape, long offset, long size) {
    long end() {
      return offset + size;
    }
  }

  private Map<String, TensorData> tensors(int count, Metadata metadata) {
    int alignment = alignment(metadata);
    Map<String, Description> described = new LinkedHashMap<>();
    for (int i = 0; i < count; i++) {
      cursor.reading("tensor number " + i);
      Description tensor = description(alignment);
      if (described.put(tensor.name, tensor) != null) {
        throw cursor.fault("the name occurs twice");
      }
    }
    long start = -(-cursor.position() & -alignment); // rounded up
    long size = Math.max(0, bytes.byteSize() - start);
    checkPlaces(described.values().toArray(new Description[0]), size);

    Map<String, TensorData> tensors = new LinkedHashMap<>();
    for (Description each : described.values()) {
      MemorySegment data = bytes.asSlice(start + each.offset, each.size);
      tensors.put(each.name, new TensorData(each.name, each.type, each.shape, data));
    }
    return Collections.unmodifiableMap(tensors);
  }

  private int alignment(Metadata metadata) {
    cursor.reading("metadata key " + ALIGNMENT_KEY);
    int alignment = metadata.findInteger(ALIGNMENT_KEY).orElse(DEFAULT_ALIGNMENT);
    if (alignment < 8 || alignment > MAX_ALIGNMENT || Integer.bitCount(alignment) != 1) {
      throw cursor.fault(
          "must be a power of two from 8 to " + MAX_ALIGNMENT + ", not " + alignment);
    }
    return alignment;
  }

  private Description description(int alignment) {
    String name = cursor.name(MAX_TENSOR_NAME_BYTES);
    cursor.reading("tensor " + Cursor.printable(name));
    int dimensions = cursor.i32();
    if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
      throw cursor.fault(
          Integer.toUnsignedString(dimensions) + " dimensions; allowed are 1 to " + MAX_DIMENSIONS);
    }
    long[] innermostFirst = new long[dimensions];
    for (int i = 0; i < dimensions; i++) {
      innermostFirst[i] = cursor.count("dimension");
      if (innermostFirst[i] == 0) {
        throw cursor.fault("dimension " + i + " is 0");
      }
    }
    ElementType type = elementType();
    if (innermostFirst[0] % type.blockSize() != 0) {
      throw cursor.fault(
          "rows of "
              + innermostFirst[0]
              + " values aren't whole blocks of "
              + type.blockSize()
              + " ("
              + type
              + ")");
    }
    long offset = cursor.count("offset");
    if (offset % alignment != 0) {
      throw cursor.fault("offset " + offset + " isn't a multiple of " + alignment);
    }
    List<Long> shape = Arrays.stream(innermostFirst).boxed().toList().reversed();
    return new Description(name, type, List.copyOf(shape), offset, size(type, shape));
  }

  private ElementType elementType() {
    int id = cursor.i32();
    return ElementType.ofGgufId(id)
        .orElseThrow(
            () ->
                cursor.fault(
                    "type "
                        + GgmlTypes.name(id)
                        + " isn't supported; supported are "
                        + Arrays.toString(ElementType.values())));
  }

  private long size(ElementType type, List<Long> shape) {
    try {
      return type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
    } catch (ArithmeticException e) {
      throw cursor.fault("shape " + shape + " is too large");
    }
  }

  /**
   * Tensors lie inside the file and don't overlap, so that all of them together are no larger than
   * the file, whatever is made from them.
   */
  private void checkPlaces(Description[] tensors, long size) {
    for (Description each : tensors) {
      if (each.size > size || each.offset > size - each.size) {
        throw fault(
            each,
            each.size + " bytes at offset " + each.offset + " of the data, which has " + size);
      }
    }
    Arrays.sort(tensors, (a, b) -> Long.compare(a.offset, b.offset));
    for (int i = 1; i < tensors.length; i++) {
      if (tensors[i].offset < tensors[i - 1].end()) {
        throw fault(tensors[i], "overlaps tensor " + Cursor.printable(tensors[i - 1].name));
      }
    }
  }

  private ModelFormatException fault(Description tensor, String problem) {
    cursor.reading("tensor " + Cursor.printable(tensor.name));
    return cursor.fault(problem);
  }
}
