; What a call of a compiled function runs, before and after its kernel.
;
; It goes through rows that say what the arguments must be and how the results are made; `native_text.py` has the records
; and the operations by name. A name with a dot stands for a number: `Descriptor.kernel` for `i32 0, i32 1`, the place of that
; field, `operation.END` for 0, `array.data` for the offset of that member of an array's object.

%Row = type { i64, i64, i64, i64, i64, ptr, ptr }
%Descriptor = type { i64, i64, ptr, ptr, ptr, ptr, ptr, i64, ptr, i64, i64, i64, i64, i64, i64, i64, i64, ptr, i64 }
; a callable: header (count, type), vectorcall, state (a tuple: bytes of descriptor addresses, entries), slow path
%Callable = type { i64, ptr, ptr, ptr, ptr }

declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyErr_Occurred()
declare ptr @PyErr_NoMemory()
declare void @PyErr_BadInternalCall()
declare ptr @PyMem_RawMalloc(i64)
declare void @PyMem_RawFree(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare i32 @PyObject_RichCompareBool(ptr, ptr, i32)
declare i64 @PyDict_Size(ptr)
declare i32 @PyDict_Next(ptr, ptr, ptr, ptr)
declare ptr @PyDict_GetItemWithError(ptr, ptr)
declare ptr @PyDict_New()
declare i32 @PyDict_SetItem(ptr, ptr, ptr)
declare ptr @PyTuple_New(i64)
declare ptr @PyList_New(i64)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyType_GenericAlloc(ptr, i64)
declare void @PyObject_GC_UnTrack(ptr)
declare void @PyObject_GC_Del(ptr)
declare i64 @PyLong_AsLongLongAndOverflow(ptr, ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyObject_GenericGetDict(ptr, ptr)
declare ptr @PyObject_GenericGetAttr(ptr, ptr)
declare i32 @PyObject_GenericSetAttr(ptr, ptr, ptr)
declare ptr @PyArray_NewFromDescr(ptr, ptr, i32, ptr, ptr, ptr, i32, ptr)
declare ptr @PyArray_NewCopy(ptr, i32)
declare ptr @memmove(ptr, ptr, i64)

; ---- do the arguments and the guards match? 1 or 0; the pointers of matched leaves are left in the table -------------
; %keywords are the names and %named the arguments that came by them
define internal i64 @matches(ptr %descriptor, ptr %table, ptr %values, ptr %slots, ptr %owned, ptr %named, ptr %keywords) {
entry:
  %checks_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.checks
  %checks = load ptr, ptr %checks_at
  %ndarray_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.ndarray
  %ndarray = load ptr, ptr %ndarray_at
  %position = alloca i64
  %key_is = alloca ptr
  %content_is_at = alloca ptr
  %overflow_at = alloca i32
  br label %step
step:
  %row = phi ptr [ %checks, %entry ], [ %next, %array_taken ], [ %next, %scalar_one ], [ %next, %scalar_two ],
                 [ %next, %same ], [ %next, %equal ], [ %next, %equal_compare ], [ %next, %tuple_items ],
                 [ %next, %list_items ], [ %next, %dict_size ], [ %next, %key_found ], [ %next, %field ],
                 [ %next, %item_found ], [ %next, %item_absent ], [ %next, %keyword_found ], [ %next, %int_taken ],
                 [ %next, %strided_taken ], [ %next, %outside ], [ %next, %held_items ], [ %next, %pairs_end ],
                 [ %next, %namespace_is ], [ %next, %type ], [ %next, %attribute_found ], [ %next, %apart ]
  %next = getelementptr %Row, ptr %row, i64 1
  %operation = load i64, ptr %row
  %source_at = getelementptr %Row, ptr %row, Row.source
  %source = load i64, ptr %source_at
  %destination_at = getelementptr %Row, ptr %row, Row.destination
  %destination = load i64, ptr %destination_at
  %count_at = getelementptr %Row, ptr %row, Row.count
  %count = load i64, ptr %count_at
  %need_at = getelementptr %Row, ptr %row, Row.need
  %need = load i64, ptr %need_at
  %subject_at = getelementptr %Row, ptr %row, Row.subject
  %subject = load ptr, ptr %subject_at
  %companion_at = getelementptr %Row, ptr %row, Row.companion
  %companion = load ptr, ptr %companion_at
  %value_at = getelementptr ptr, ptr %values, i64 %source
  %value = load ptr, ptr %value_at
  %type_at = getelementptr i8, ptr %value, i64 8
  %item_to = getelementptr ptr, ptr %values, i64 %destination
  %place = getelementptr ptr, ptr %table, i64 %destination
  %slot_number = mul i64 %destination, 16
  %slot = getelementptr i8, ptr %slots, i64 %slot_number
  switch i64 %operation, label %match [
    i64 operation.ARRAY, label %array
    i64 operation.SCALAR, label %scalar
    i64 operation.SAME, label %same
    i64 operation.EQUAL, label %equal
    i64 operation.TUPLE, label %tuple
    i64 operation.LIST, label %list
    i64 operation.DICT, label %dict
    i64 operation.KEY, label %key
    i64 operation.FIELD, label %field
    i64 operation.ITEM, label %item
    i64 operation.KEYWORD, label %keyword
    i64 operation.INT, label %int
    i64 operation.STRIDED, label %array
    i64 operation.OUTSIDE, label %outside
    i64 operation.HELD_LIST, label %held_list
    i64 operation.HELD_DICT, label %held_dict
    i64 operation.NAMESPACE, label %namespace
    i64 operation.TYPE, label %type
    i64 operation.ATTRIBUTE, label %attribute
    i64 operation.APART, label %apart
  ]

array:
  %array_type = load ptr, ptr %type_at
  %array_is = icmp eq ptr %array_type, %ndarray
  br i1 %array_is, label %array_dtype, label %mismatch
array_dtype:
  %dtype_at = getelementptr i8, ptr %value, i64 array.descr
  %dtype = load ptr, ptr %dtype_at
  %dtype_is = icmp eq ptr %dtype, %subject
  br i1 %dtype_is, label %array_form, label %array_dtype_class
array_dtype_class: ; an unpickled array's dtype is not NumPy's own object, but of the same class and byte order
  %dtype_class_at = getelementptr i8, ptr %dtype, i64 8
  %dtype_class = load ptr, ptr %dtype_class_at
  %subject_class_at = getelementptr i8, ptr %subject, i64 8
  %subject_class = load ptr, ptr %subject_class_at
  %class_is = icmp eq ptr %dtype_class, %subject_class
  br i1 %class_is, label %array_byteorder, label %mismatch
array_byteorder:
  %order_at = getelementptr i8, ptr %dtype, i64 array.byteorder
  %order = load i8, ptr %order_at
  %subject_order_at = getelementptr i8, ptr %subject, i64 array.byteorder
  %subject_order = load i8, ptr %subject_order_at
  %order_is = icmp eq i8 %order, %subject_order
  br i1 %order_is, label %array_form, label %mismatch
array_form:
  %flags_at = getelementptr i8, ptr %value, i64 array.flags
  %flags_word = load i32, ptr %flags_at
  %flags = zext i32 %flags_word to i64
  %flags_needed = and i64 %flags, %need
  %flags_are = icmp eq i64 %flags_needed, %need
  br i1 %flags_are, label %array_dimensions, label %mismatch
array_dimensions:
  %ndim_at = getelementptr i8, ptr %value, i64 array.nd
  %ndim_word = load i32, ptr %ndim_at
  %ndim = sext i32 %ndim_word to i64
  %ndim_is = icmp eq i64 %ndim, %count
  %shape_at = getelementptr i8, ptr %value, i64 array.dimensions
  %shape = load ptr, ptr %shape_at
  br i1 %ndim_is, label %array_axis, label %mismatch
array_axis:
  %axis = phi i64 [ 0, %array_dimensions ], [ %axis_next, %array_length ]
  %axis_done = icmp eq i64 %axis, %count
  br i1 %axis_done, label %array_fits, label %array_length
array_length:
  %length_at = getelementptr i64, ptr %shape, i64 %axis
  %length = load i64, ptr %length_at
  %expected_at = getelementptr i64, ptr %companion, i64 %axis
  %expected = load i64, ptr %expected_at
  %axis_next = add i64 %axis, 1
  %length_is = icmp eq i64 %length, %expected
  br i1 %length_is, label %array_axis, label %mismatch
array_fits:
  %is_strided = icmp eq i64 %operation, operation.STRIDED
  br i1 %is_strided, label %strided, label %array_taken
array_taken:
  %data_at = getelementptr i8, ptr %value, i64 array.data
  %data = load ptr, ptr %data_at
  store ptr %data, ptr %place
  br label %step
strided:
  %strides_at = getelementptr i8, ptr %value, i64 array.strides
  %strides = load ptr, ptr %strides_at
  %expected_strides = getelementptr i64, ptr %companion, i64 %count
  br label %strided_axis
strided_axis:
  %strided_number = phi i64 [ 0, %strided ], [ %strided_next, %strided_stride ]
  %strided_done = icmp eq i64 %strided_number, %count
  br i1 %strided_done, label %strided_copy, label %strided_stride
strided_stride:
  %stride_at = getelementptr i64, ptr %strides, i64 %strided_number
  %stride = load i64, ptr %stride_at
  %expected_stride_at = getelementptr i64, ptr %expected_strides, i64 %strided_number
  %expected_stride = load i64, ptr %expected_stride_at
  %strided_next = add i64 %strided_number, 1
  %stride_is = icmp eq i64 %stride, %expected_stride
  br i1 %stride_is, label %strided_axis, label %mismatch
strided_copy: ; the call owns it
  %copied = call ptr @PyArray_NewCopy(ptr %value, i32 0)
  %copied_failed = icmp eq ptr %copied, null
  br i1 %copied_failed, label %mismatch, label %strided_taken
strided_taken:
  call void @hold(ptr %owned, ptr %copied)
  call void @Py_DecRef(ptr %copied)
  %copied_data_at = getelementptr i8, ptr %copied, i64 array.data
  %copied_data = load ptr, ptr %copied_data_at
  store ptr %copied_data, ptr %place
  br label %step

scalar: ; the number is copied, so that no kernel can write into an immutable object
  %scalar_type = load ptr, ptr %type_at
  %scalar_is = icmp eq ptr %scalar_type, %subject
  br i1 %scalar_is, label %scalar_one, label %mismatch
scalar_one:
  %number_at = getelementptr i8, ptr %value, i64 16
  %number = load i64, ptr %number_at
  store i64 %number, ptr %slot
  store ptr %slot, ptr %place
  %number_is_long = icmp ugt i64 %need, 8
  br i1 %number_is_long, label %scalar_two, label %step
scalar_two:
  %second_at = getelementptr i8, ptr %value, i64 24
  %second = load i64, ptr %second_at
  %second_slot = getelementptr i8, ptr %slot, i64 8
  store i64 %second, ptr %second_slot
  br label %step

int:
  %int_type = load ptr, ptr %type_at
  %int_is = icmp eq ptr %int_type, %subject
  br i1 %int_is, label %int_number, label %mismatch
int_number: ; what overflows is no error, and given as -1
  %int_value = call i64 @PyLong_AsLongLongAndOverflow(ptr %value, ptr %overflow_at)
  %overflow = load i32, ptr %overflow_at
  %int_fits = icmp eq i32 %overflow, 0
  %int_raised = add i64 %int_value, 9007199254740991 ; 2**53 - 1
  %int_near = icmp ult i64 %int_raised, 18014398509481983 ; 2**54 - 1
  %int_good = and i1 %int_fits, %int_near
  br i1 %int_good, label %int_taken, label %mismatch
int_taken:
  store i64 %int_value, ptr %slot
  store ptr %slot, ptr %place
  br label %step

keyword:
  %names = getelementptr i8, ptr %keywords, i64 tuple.items
  br label %name
name: ; names in code are interned: identity finds them
  %name_index = phi i64 [ 0, %keyword ], [ %name_next, %name_other ]
  %names_done = icmp eq i64 %name_index, %count
  br i1 %names_done, label %text, label %name_look
name_look:
  %name_at = getelementptr ptr, ptr %names, i64 %name_index
  %this_name = load ptr, ptr %name_at
  %name_is = icmp eq ptr %this_name, %subject
  br i1 %name_is, label %named_one, label %name_other
name_other:
  %name_next = add i64 %name_index, 1
  br label %name
text:
  %text_index = phi i64 [ 0, %name ], [ %text_next, %text_other ]
  %texts_done = icmp eq i64 %text_index, %count
  br i1 %texts_done, label %mismatch, label %text_look
text_look:
  %text_at = getelementptr ptr, ptr %names, i64 %text_index
  %this_text = load ptr, ptr %text_at
  %text_kind_at = getelementptr i8, ptr %this_text, i64 8
  %text_kind = load ptr, ptr %text_kind_at
  %text_exact = icmp eq ptr %text_kind, %companion
  br i1 %text_exact, label %text_compare, label %text_other
text_compare:
  %text_compared = call i32 @PyObject_RichCompareBool(ptr %this_text, ptr %subject, i32 2)
  %text_equal = icmp eq i32 %text_compared, 1
  br i1 %text_equal, label %named_one, label %text_other
text_other:
  %text_next = add i64 %text_index, 1
  br label %text
named_one:
  %keyword_index = phi i64 [ %name_index, %name_look ], [ %text_index, %text_compare ]
  %in_position = icmp eq i64 %keyword_index, %source
  %any_position = icmp eq i64 %need, 0
  %position_good = or i1 %in_position, %any_position
  br i1 %position_good, label %keyword_found, label %mismatch
keyword_found:
  %keyword_at = getelementptr ptr, ptr %named, i64 %keyword_index
  %keyword_object = load ptr, ptr %keyword_at
  store ptr %keyword_object, ptr %item_to
  br label %step

same:
  %same_is = icmp eq ptr %value, %subject
  br i1 %same_is, label %step, label %mismatch

equal:
  %equal_is = icmp eq ptr %value, %subject
  br i1 %equal_is, label %step, label %equal_type
equal_type:
  %equal_type_of = load ptr, ptr %type_at
  %equal_type_is = icmp eq ptr %equal_type_of, %companion
  br i1 %equal_type_is, label %equal_compare, label %mismatch
equal_compare:
  %compared = call i32 @PyObject_RichCompareBool(ptr %value, ptr %subject, i32 2)
  %compared_is = icmp eq i32 %compared, 1
  br i1 %compared_is, label %step, label %mismatch

tuple:
  %tuple_type = load ptr, ptr %type_at
  %tuple_is = icmp eq ptr %tuple_type, %subject
  br i1 %tuple_is, label %tuple_size, label %mismatch
tuple_size:
  %tuple_size_at = getelementptr i8, ptr %value, i64 16
  %tuple_length = load i64, ptr %tuple_size_at
  %tuple_length_is = icmp eq i64 %tuple_length, %count
  %tuple_first = getelementptr i8, ptr %value, i64 tuple.items
  br i1 %tuple_length_is, label %tuple_items, label %mismatch
tuple_items:
  %tuple_index = phi i64 [ 0, %tuple_size ], [ %tuple_next, %tuple_item ]
  %tuple_done = icmp eq i64 %tuple_index, %count
  br i1 %tuple_done, label %step, label %tuple_item
tuple_item:
  %tuple_item_at = getelementptr ptr, ptr %tuple_first, i64 %tuple_index
  %tuple_object = load ptr, ptr %tuple_item_at
  %tuple_item_to = getelementptr ptr, ptr %item_to, i64 %tuple_index
  store ptr %tuple_object, ptr %tuple_item_to
  %tuple_next = add i64 %tuple_index, 1
  br label %tuple_items

list: ; what a list or a dict holds may be taken out of it by another thread or a finalizer: the call holds it too
  %list_type = load ptr, ptr %type_at
  %list_is = icmp eq ptr %list_type, %subject
  br i1 %list_is, label %list_size, label %mismatch
list_size:
  %list_size_at = getelementptr i8, ptr %value, i64 16
  %list_length = load i64, ptr %list_size_at
  %list_length_is = icmp eq i64 %list_length, %count
  %list_first_at = getelementptr i8, ptr %value, i64 24
  %list_first = load ptr, ptr %list_first_at
  br i1 %list_length_is, label %list_items, label %mismatch
list_items:
  %list_index = phi i64 [ 0, %list_size ], [ %list_next, %list_item ]
  %list_done = icmp eq i64 %list_index, %count
  br i1 %list_done, label %step, label %list_item
list_item:
  %list_item_at = getelementptr ptr, ptr %list_first, i64 %list_index
  %list_object = load ptr, ptr %list_item_at
  %list_item_to = getelementptr ptr, ptr %item_to, i64 %list_index
  store ptr %list_object, ptr %list_item_to
  call void @hold(ptr %owned, ptr %list_object)
  %list_next = add i64 %list_index, 1
  br label %list_items

dict:
  %dict_type = load ptr, ptr %type_at
  %dict_is = icmp eq ptr %dict_type, %subject
  br i1 %dict_is, label %dict_size, label %mismatch
dict_size:
  %dict_length = call i64 @PyDict_Size(ptr %value)
  %dict_length_is = icmp eq i64 %dict_length, %count
  store i64 0, ptr %position
  br i1 %dict_length_is, label %step, label %mismatch

key: ; in order: the function may have walked through the dict
  %more_keys = call i32 @PyDict_Next(ptr %value, ptr %position, ptr %key_is, ptr %content_is_at)
  %no_key = icmp eq i32 %more_keys, 0
  br i1 %no_key, label %mismatch, label %key_next
key_next:
  %this_key = load ptr, ptr %key_is
  %key_object = load ptr, ptr %content_is_at
  %key_same = icmp eq ptr %this_key, %subject
  br i1 %key_same, label %key_found, label %key_type
key_type: ; another object may be the same text
  %key_type_at = getelementptr i8, ptr %this_key, i64 8
  %key_kind = load ptr, ptr %key_type_at
  %subject_type_at = getelementptr i8, ptr %subject, i64 8
  %subject_kind = load ptr, ptr %subject_type_at
  %key_text = icmp eq ptr %key_kind, %companion
  %subject_text = icmp eq ptr %subject_kind, %companion
  %both_text = and i1 %key_text, %subject_text
  br i1 %both_text, label %key_compare, label %mismatch
key_compare:
  %key_compared = call i32 @PyObject_RichCompareBool(ptr %this_key, ptr %subject, i32 2)
  %key_equal = icmp eq i32 %key_compared, 1
  br i1 %key_equal, label %key_found, label %mismatch
key_found:
  store ptr %key_object, ptr %item_to
  call void @hold(ptr %owned, ptr %key_object)
  br label %step

field:
  %content_at = getelementptr i8, ptr %subject, i64 %need
  %content = load ptr, ptr %content_at
  %content_is = icmp eq ptr %content, %companion
  br i1 %content_is, label %step, label %mismatch

item:
  %item_object = call ptr @PyDict_GetItemWithError(ptr %subject, ptr %companion)
  %item_address = ptrtoint ptr %item_object to i64
  %item_is = icmp eq i64 %item_address, %need
  br i1 %item_is, label %item_found, label %mismatch
item_found: ; null may be an absent key, as expected, or an error
  %item_null = icmp eq ptr %item_object, null
  br i1 %item_null, label %item_absent, label %step
item_absent:
  %item_error = call ptr @PyErr_Occurred()
  %item_fine = icmp eq ptr %item_error, null
  br i1 %item_fine, label %step, label %mismatch

outside:
  store ptr %subject, ptr %item_to
  br label %step

held_list:
  %held_size_at = getelementptr i8, ptr %subject, i64 16
  %held_length = load i64, ptr %held_size_at
  %held_length_is = icmp eq i64 %held_length, %count
  %held_first_at = getelementptr i8, ptr %subject, i64 24
  %held_first = load ptr, ptr %held_first_at
  br i1 %held_length_is, label %held_items, label %mismatch
held_items:
  %held_index = phi i64 [ 0, %held_list ], [ %held_next, %held_item ]
  %held_done = icmp eq i64 %held_index, %count
  br i1 %held_done, label %step, label %held_item
held_item:
  %held_item_at = getelementptr ptr, ptr %held_first, i64 %held_index
  %held_object = load ptr, ptr %held_item_at
  %held_expected_at = getelementptr ptr, ptr %companion, i64 %held_index
  %held_expected = load ptr, ptr %held_expected_at
  %held_next = add i64 %held_index, 1
  %held_is = icmp eq ptr %held_object, %held_expected
  br i1 %held_is, label %held_items, label %mismatch

held_dict: ; walked through: no key is hashed or compared
  store i64 0, ptr %position
  %pairs_length = call i64 @PyDict_Size(ptr %subject)
  %pairs_length_is = icmp eq i64 %pairs_length, %count
  br i1 %pairs_length_is, label %pairs, label %mismatch
pairs:
  %pair_at = phi ptr [ %companion, %held_dict ], [ %pair_next, %pair_content ]
  %more_pairs = call i32 @PyDict_Next(ptr %subject, ptr %position, ptr %key_is, ptr %content_is_at)
  %no_pair = icmp eq i32 %more_pairs, 0
  br i1 %no_pair, label %pairs_end, label %pair
pair:
  %pair_key = load ptr, ptr %key_is
  %expected_key = load ptr, ptr %pair_at
  %pair_key_is = icmp eq ptr %pair_key, %expected_key
  br i1 %pair_key_is, label %pair_content, label %mismatch
pair_content:
  %pair_object = load ptr, ptr %content_is_at
  %expected_object_at = getelementptr ptr, ptr %pair_at, i64 1
  %expected_object = load ptr, ptr %expected_object_at
  %pair_next = getelementptr ptr, ptr %pair_at, i64 2
  %pair_object_is = icmp eq ptr %pair_object, %expected_object
  br i1 %pair_object_is, label %pairs, label %mismatch
pairs_end:
  br label %step

namespace:
  %owner_type_at = getelementptr i8, ptr %subject, i64 8
  %owner_type = load i64, ptr %owner_type_at
  %owner_type_is = icmp eq i64 %owner_type, %need
  br i1 %owner_type_is, label %namespace_of, label %mismatch
namespace_of:
  %namespace_found = call ptr @PyObject_GenericGetDict(ptr %subject, ptr null)
  call void @Py_DecRef(ptr %namespace_found) ; null is an error
  %namespace_same = icmp eq ptr %namespace_found, %companion
  br i1 %namespace_same, label %namespace_is, label %mismatch
namespace_is:
  br label %step

type:
  %type_of = load ptr, ptr %type_at
  %type_is = icmp eq ptr %type_of, %subject
  br i1 %type_is, label %step, label %mismatch

attribute: ; a new reference, or null with an error
  %attribute_object = call ptr @PyObject_GenericGetAttr(ptr %value, ptr %subject)
  %attribute_failed = icmp eq ptr %attribute_object, null
  br i1 %attribute_failed, label %mismatch, label %attribute_found
attribute_found:
  store ptr %attribute_object, ptr %item_to
  call void @hold(ptr %owned, ptr %attribute_object)
  call void @Py_DecRef(ptr %attribute_object)
  br label %step

apart:
  %one_at = getelementptr ptr, ptr %table, i64 %source
  %one = load i64, ptr %one_at
  %other = load i64, ptr %place
  %one_end = add i64 %one, %count
  %other_end = add i64 %other, %need
  %one_before = icmp ule i64 %one_end, %other
  %other_before = icmp ule i64 %other_end, %one
  %are_apart = or i1 %one_before, %other_before
  br i1 %are_apart, label %step, label %mismatch

match:
  ret i64 1
mismatch:
  ret i64 0
}

; ---- a new reference to an object, given back at the call's end ------------------------------------------------------
define internal void @hold(ptr %owned, ptr %object) {
  call void @Py_IncRef(ptr %object)
  %count = load i64, ptr %owned
  %following = add i64 %count, 1
  store i64 %following, ptr %owned
  %to = getelementptr ptr, ptr %owned, i64 %following
  store ptr %object, ptr %to
  ret void
}

; ---- fresh arrays for the results, and slots for the scalars among them; 0 when memory is out ------------------------
define internal i64 @allocate(ptr %descriptor, ptr %table, ptr %values, ptr %slots) {
entry:
  %rows_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.allocations
  %rows = load ptr, ptr %rows_at
  %ndarray_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.ndarray
  %ndarray = load ptr, ptr %ndarray_at
  br label %step
step:
  %row = phi ptr [ %rows, %entry ], [ %next, %taken ], [ %next, %slot ]
  %next = getelementptr %Row, ptr %row, i64 1
  %operation = load i64, ptr %row
  %source_at = getelementptr %Row, ptr %row, Row.source
  %source = load i64, ptr %source_at
  %place = getelementptr ptr, ptr %table, i64 %source
  switch i64 %operation, label %done [
    i64 operation.NEW_ARRAY, label %array
    i64 operation.SLOT, label %slot
  ]
array:
  %destination_at = getelementptr %Row, ptr %row, Row.destination
  %destination = load i64, ptr %destination_at
  %count_at = getelementptr %Row, ptr %row, Row.count
  %count = load i64, ptr %count_at
  %ndim = trunc i64 %count to i32
  %dtype_at = getelementptr %Row, ptr %row, Row.subject
  %dtype = load ptr, ptr %dtype_at
  %shape_at = getelementptr %Row, ptr %row, Row.companion
  %shape = load ptr, ptr %shape_at
  call void @Py_IncRef(ptr %dtype)
  %object = call ptr @PyArray_NewFromDescr(ptr %ndarray, ptr %dtype, i32 %ndim, ptr %shape, ptr null, ptr null, i32 0, ptr null)
  %to = getelementptr ptr, ptr %values, i64 %destination
  store ptr %object, ptr %to
  %failed = icmp eq ptr %object, null
  br i1 %failed, label %out_of_memory, label %taken
taken:
  %data_at = getelementptr i8, ptr %object, i64 array.data
  %data = load ptr, ptr %data_at
  store ptr %data, ptr %place
  br label %step
slot:
  %number = mul i64 %source, 16
  %address = getelementptr i8, ptr %slots, i64 %number
  store ptr %address, ptr %place
  br label %step
done:
  ret i64 1
out_of_memory:
  ret i64 0
}

; ---- the results as objects, children before the containers that take them over; 0 when memory is out ----------------
define internal i64 @construct(ptr %descriptor, ptr %values, ptr %slots) {
entry:
  %rows_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.constructions
  %rows = load ptr, ptr %rows_at
  br label %step
step:
  %row = phi ptr [ %rows, %entry ], [ %next, %made ], [ %next, %item ], [ %next, %dict_item ], [ %next, %attribute_set ]
  %next = getelementptr %Row, ptr %row, i64 1
  %operation = load i64, ptr %row
  %source_at = getelementptr %Row, ptr %row, Row.source
  %source = load i64, ptr %source_at
  %destination_at = getelementptr %Row, ptr %row, Row.destination
  %destination = load i64, ptr %destination_at
  %count_at = getelementptr %Row, ptr %row, Row.count
  %count = load i64, ptr %count_at
  %need_at = getelementptr %Row, ptr %row, Row.need
  %need = load i64, ptr %need_at
  %subject_at = getelementptr %Row, ptr %row, Row.subject
  %subject = load ptr, ptr %subject_at
  %companion_at = getelementptr %Row, ptr %row, Row.companion
  %companion = load ptr, ptr %companion_at
  %slot_number = mul i64 %source, 16
  %slot = getelementptr i8, ptr %slots, i64 %slot_number
  %to = getelementptr ptr, ptr %values, i64 %destination
  %children = getelementptr ptr, ptr %values, i64 %source
  switch i64 %operation, label %done [
    i64 operation.NEW_SCALAR, label %scalar
    i64 operation.CHOICE, label %choice
    i64 operation.CONSTANT, label %constant
    i64 operation.REGISTER, label %register
    i64 operation.NEW_TUPLE, label %tuple
    i64 operation.NEW_LIST, label %list
    i64 operation.NEW_DICT, label %dict
    i64 operation.NEW_INT, label %int
    i64 operation.NEW_NAMED, label %named
    i64 operation.NEW_INSTANCE, label %instance
    i64 operation.SET_ATTRIBUTE, label %attribute
  ]

int:
  %int_value = load i64, ptr %slot
  %int_object = call ptr @PyLong_FromLongLong(i64 %int_value)
  %int_failed = icmp eq ptr %int_object, null
  br i1 %int_failed, label %out_of_memory, label %int_made
int_made:
  br label %made

scalar:
  %scalar_object = call ptr %companion(ptr %subject, i64 0)
  %scalar_failed = icmp eq ptr %scalar_object, null
  br i1 %scalar_failed, label %out_of_memory, label %scalar_one
scalar_one:
  %number = load i64, ptr %slot
  %number_to = getelementptr i8, ptr %scalar_object, i64 16
  store i64 %number, ptr %number_to
  %number_is_long = icmp ugt i64 %need, 8
  br i1 %number_is_long, label %scalar_two, label %made
scalar_two:
  %second_at = getelementptr i8, ptr %slot, i64 8
  %second = load i64, ptr %second_at
  %second_to = getelementptr i8, ptr %scalar_object, i64 24
  store i64 %second, ptr %second_to
  br label %made

choice:
  %truth_byte = load i8, ptr %slot
  %truth = icmp ne i8 %truth_byte, 0
  %chosen = select i1 %truth, ptr %subject, ptr %companion
  call void @Py_IncRef(ptr %chosen)
  br label %made

constant:
  call void @Py_IncRef(ptr %subject)
  br label %made

register:
  %registered = load ptr, ptr %children
  call void @Py_IncRef(ptr %registered)
  br label %made

tuple:
  %tuple_object = call ptr @PyTuple_New(i64 %count)
  %tuple_items = getelementptr i8, ptr %tuple_object, i64 tuple.items
  %tuple_failed = icmp eq ptr %tuple_object, null
  br i1 %tuple_failed, label %out_of_memory, label %fill
named:
  %named_object = call ptr @PyType_GenericAlloc(ptr %subject, i64 %count)
  %named_items = getelementptr i8, ptr %named_object, i64 tuple.items
  %named_failed = icmp eq ptr %named_object, null
  br i1 %named_failed, label %out_of_memory, label %named_new
named_new: ; a hash that is not known, or where tuples do not keep one, the first item's place
  %hash_at = getelementptr i8, ptr %named_object, i64 24
  store i64 -1, ptr %hash_at
  br label %fill
list:
  %list_object = call ptr @PyList_New(i64 %count)
  %list_failed = icmp eq ptr %list_object, null
  br i1 %list_failed, label %out_of_memory, label %list_new
list_new:
  %list_items_at = getelementptr i8, ptr %list_object, i64 24
  %list_items = load ptr, ptr %list_items_at
  br label %fill
fill: ; the container takes the children's references over
  %container = phi ptr [ %tuple_object, %tuple ], [ %list_object, %list_new ], [ %named_object, %named_new ]
  %items = phi ptr [ %tuple_items, %tuple ], [ %list_items, %list_new ], [ %named_items, %named_new ]
  store ptr %container, ptr %to
  br label %item
item:
  %index = phi i64 [ 0, %fill ], [ %index_next, %item_move ]
  %items_done = icmp eq i64 %index, %count
  br i1 %items_done, label %step, label %item_move
item_move:
  %child_at = getelementptr ptr, ptr %children, i64 %index
  %child = load ptr, ptr %child_at
  store ptr null, ptr %child_at
  %child_to = getelementptr ptr, ptr %items, i64 %index
  store ptr %child, ptr %child_to
  %index_next = add i64 %index, 1
  br label %item

dict:
  %dict_object = call ptr @PyDict_New()
  store ptr %dict_object, ptr %to
  %dict_failed = icmp eq ptr %dict_object, null
  br i1 %dict_failed, label %out_of_memory, label %dict_item
dict_item:
  %dict_index = phi i64 [ 0, %dict ], [ %dict_next, %dict_moved ]
  %dict_done = icmp eq i64 %dict_index, %count
  br i1 %dict_done, label %step, label %dict_move
dict_move:
  %key_at = getelementptr ptr, ptr %companion, i64 %dict_index
  %key = load ptr, ptr %key_at
  %dict_child_at = getelementptr ptr, ptr %children, i64 %dict_index
  %dict_child = load ptr, ptr %dict_child_at
  %set = call i32 @PyDict_SetItem(ptr %dict_object, ptr %key, ptr %dict_child)
  %set_failed = icmp ne i32 %set, 0
  br i1 %set_failed, label %out_of_memory, label %dict_moved
dict_moved:
  store ptr null, ptr %dict_child_at
  call void @Py_DecRef(ptr %dict_child)
  %dict_next = add i64 %dict_index, 1
  br label %dict_item

instance:
  %argument_at = getelementptr %Row, ptr %row, Row.subject
  %instance_object = call ptr @PyObject_Vectorcall(ptr %companion, ptr %argument_at, i64 1, ptr null)
  %instance_failed = icmp eq ptr %instance_object, null
  br i1 %instance_failed, label %out_of_memory, label %instance_made
instance_made:
  br label %made
attribute:
  %attribute_object = load ptr, ptr %children
  %owner = load ptr, ptr %to
  %attribute_outcome = call i32 @PyObject_GenericSetAttr(ptr %owner, ptr %subject, ptr %attribute_object)
  %attribute_failed = icmp ne i32 %attribute_outcome, 0
  br i1 %attribute_failed, label %out_of_memory, label %attribute_set
attribute_set:
  store ptr null, ptr %children
  call void @Py_DecRef(ptr %attribute_object)
  br label %step

made:
  %object = phi ptr [ %scalar_object, %scalar_one ], [ %scalar_object, %scalar_two ], [ %chosen, %choice ],
                    [ %subject, %constant ], [ %registered, %register ], [ %int_object, %int_made ],
                    [ %instance_object, %instance_made ]
  store ptr %object, ptr %to
  br label %step
done:
  ret i64 1
out_of_memory:
  ret i64 0
}

; ---- what is written into arguments, when nothing can fail any more ---------------------------------------------------
define internal void @move(ptr %descriptor, ptr %table) {
entry:
  %rows_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.moves
  %rows = load ptr, ptr %rows_at
  br label %step
step:
  %row = phi ptr [ %rows, %entry ], [ %next, %move ]
  %next = getelementptr %Row, ptr %row, i64 1
  %operation = load i64, ptr %row
  %source_at = getelementptr %Row, ptr %row, Row.source
  %source = load i64, ptr %source_at
  %destination_at = getelementptr %Row, ptr %row, Row.destination
  %destination = load i64, ptr %destination_at
  %count_at = getelementptr %Row, ptr %row, Row.count
  %count = load i64, ptr %count_at
  %need_at = getelementptr %Row, ptr %row, Row.need
  %need = load i64, ptr %need_at
  %to_at = getelementptr ptr, ptr %table, i64 %destination
  switch i64 %operation, label %done [
    i64 operation.MOVE, label %place
    i64 operation.MOVE_CONSTANT, label %constant
  ]
place:
  %from_at = getelementptr ptr, ptr %table, i64 %source
  %from = load ptr, ptr %from_at
  %from_there = getelementptr i8, ptr %from, i64 %need
  br label %move
constant:
  %companion_at = getelementptr %Row, ptr %row, Row.companion
  %companion = load ptr, ptr %companion_at
  br label %move
move:
  %content = phi ptr [ %from_there, %place ], [ %companion, %constant ]
  %to = load ptr, ptr %to_at
  %ignored = call ptr @memmove(ptr %to, ptr %content, i64 %count)
  br label %step
done:
  ret void
}

; ---- one entry: its results as a new reference; null when it does not match, or with an error set --------------------
define internal ptr @attempt(ptr %descriptor, ptr %arguments, ptr %keywords) {
entry:
  %block_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.block
  %cached = load ptr, ptr %block_at
  %is_taken = icmp eq ptr %cached, null
  br i1 %is_taken, label %fresh, label %take
take: ; under the lock of the interpreter, as is the return: a plain load and a plain store are enough
  store ptr null, ptr %block_at
  br label %prepare
fresh: ; another thread, or a call that this one is made from, holds the cached block
  %bytes_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.block_bytes
  %bytes = load i64, ptr %bytes_at
  %padded = add i64 %bytes, 64
  %raw = call ptr @PyMem_RawMalloc(i64 %padded)
  %raw_failed = icmp eq ptr %raw, null
  br i1 %raw_failed, label %no_block, label %align
no_block:
  %ignored = call ptr @PyErr_NoMemory()
  ret ptr null
align:
  %raw_address = ptrtoint ptr %raw to i64
  %raised = add i64 %raw_address, 63
  %aligned_address = and i64 %raised, -64
  %aligned = inttoptr i64 %aligned_address to ptr
  br label %prepare

prepare:
  %own = phi ptr [ null, %take ], [ %raw, %align ]
  %block = phi ptr [ %cached, %take ], [ %aligned, %align ]
  %table_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.table
  %table_offset = load i64, ptr %table_at
  %table = getelementptr i8, ptr %block, i64 %table_offset
  %values_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.values
  %values_offset = load i64, ptr %values_at
  %values = getelementptr i8, ptr %block, i64 %values_offset
  %slots_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.slots
  %slots_offset = load i64, ptr %slots_at
  %slots = getelementptr i8, ptr %block, i64 %slots_offset
  %owned_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.owned
  %owned_offset = load i64, ptr %owned_at
  %owned = getelementptr i8, ptr %block, i64 %owned_offset
  store i64 0, ptr %owned
  %argument_count = load i64, ptr %descriptor
  br label %argument
argument:
  %argument_index = phi i64 [ 0, %prepare ], [ %argument_next, %argument_copy ]
  %arguments_done = icmp eq i64 %argument_index, %argument_count
  br i1 %arguments_done, label %check, label %argument_copy
argument_copy:
  %argument_at = getelementptr ptr, ptr %arguments, i64 %argument_index
  %argument_object = load ptr, ptr %argument_at
  %argument_to = getelementptr ptr, ptr %values, i64 %argument_index
  store ptr %argument_object, ptr %argument_to
  %argument_next = add i64 %argument_index, 1
  br label %argument

check:
  %named = getelementptr ptr, ptr %arguments, i64 %argument_count
  %matched = call i64 @matches(ptr %descriptor, ptr %table, ptr %values, ptr %slots, ptr %owned, ptr %named, ptr %keywords)
  %no_match = icmp eq i64 %matched, 0
  br i1 %no_match, label %give_back, label %empty

empty:
  %first_result_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.first_result
  %first_result = load i64, ptr %first_result_at
  %value_count_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.value_count
  %value_count = load i64, ptr %value_count_at
  br label %empty_result
empty_result:
  %empty_index = phi i64 [ %first_result, %empty ], [ %empty_next, %empty_result ]
  %empty_to = getelementptr ptr, ptr %values, i64 %empty_index
  store ptr null, ptr %empty_to
  %empty_next = add i64 %empty_index, 1
  %empty_done = icmp eq i64 %empty_next, %value_count
  br i1 %empty_done, label %results, label %empty_result
results:
  %allocated = call i64 @allocate(ptr %descriptor, ptr %table, ptr %values, ptr %slots)
  %not_allocated = icmp eq i64 %allocated, 0
  br i1 %not_allocated, label %drop, label %workspace

workspace: ; it is the block's beginning, and the last place of the table
  %workspace_place_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.workspace
  %workspace_place = load i64, ptr %workspace_place_at
  %workspace_to = getelementptr ptr, ptr %table, i64 %workspace_place
  store ptr %block, ptr %workspace_to
  %kernel_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.kernel
  %kernel = load ptr, ptr %kernel_at
  %release_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.release_gil
  %release = load i64, ptr %release_at
  %hold_gil = icmp eq i64 %release, 0
  br i1 %hold_gil, label %run_held, label %run_released
run_held:
  %held_outcome = call i64 %kernel(ptr %table)
  br label %ran
run_released:
  %thread = call ptr @PyEval_SaveThread()
  %released_outcome = call i64 %kernel(ptr %table)
  call void @PyEval_RestoreThread(ptr %thread)
  br label %ran
ran:
  %outcome = phi i64 [ %held_outcome, %run_held ], [ %released_outcome, %run_released ]
  %guarded = icmp ne i64 %outcome, 0
  br i1 %guarded, label %drop, label %build
build:
  %constructed = call i64 @construct(ptr %descriptor, ptr %values, ptr %slots)
  %not_constructed = icmp eq i64 %constructed, 0
  br i1 %not_constructed, label %drop, label %built
built:
  call void @move(ptr %descriptor, ptr %table)
  %root_at = getelementptr ptr, ptr %values, i64 %first_result
  %root = load ptr, ptr %root_at
  %calls_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.calls
  %calls = load i64, ptr %calls_at
  %calls_next = add i64 %calls, 1
  store i64 %calls_next, ptr %calls_at
  br label %give_back

drop:
  %drop_index = phi i64 [ %first_result, %results ], [ %first_result, %ran ], [ %first_result, %build ],
                        [ %drop_next, %dropped ]
  %drop_done = icmp eq i64 %drop_index, %value_count
  br i1 %drop_done, label %give_back, label %drop_one
drop_one:
  %drop_at = getelementptr ptr, ptr %values, i64 %drop_index
  %drop_object = load ptr, ptr %drop_at
  call void @Py_DecRef(ptr %drop_object) ; which takes null
  br label %dropped
dropped:
  %drop_next = add i64 %drop_index, 1
  br label %drop

give_back:
  %result = phi ptr [ null, %check ], [ null, %drop ], [ %root, %built ]
  %owned_count = load i64, ptr %owned
  br label %unhold
unhold:
  %unhold_index = phi i64 [ %owned_count, %give_back ], [ %unhold_next, %unhold_one ]
  %unhold_done = icmp eq i64 %unhold_index, 0
  br i1 %unhold_done, label %return_block, label %unhold_one
unhold_one:
  %unhold_at = getelementptr ptr, ptr %owned, i64 %unhold_index
  %unhold_object = load ptr, ptr %unhold_at
  call void @Py_DecRef(ptr %unhold_object)
  %unhold_next = sub i64 %unhold_index, 1
  br label %unhold
return_block:
  %was_cached = icmp eq ptr %own, null
  br i1 %was_cached, label %return_cached, label %return_own
return_cached:
  store ptr %block, ptr %block_at
  ret ptr %result
return_own:
  call void @PyMem_RawFree(ptr %own)
  ret ptr %result
}

; ---- a call: the entries in their order, then the slow path (vectorcallfunc) -----------------------------------------
define internal ptr @call(ptr %self, ptr %arguments, i64 %count_and_flag, ptr %keywords) {
entry:
  %count = and i64 %count_and_flag, 9223372036854775807
  %state_at = getelementptr %Callable, ptr %self, i32 0, i32 3
  %no_keywords = icmp eq ptr %keywords, null
  br i1 %no_keywords, label %entries, label %keyworded
keyworded:
  %names_at = getelementptr i8, ptr %keywords, i64 16
  %names = load i64, ptr %names_at
  br label %entries
entries: ; held, since the entries may be replaced while one of them runs
  %keyword_count = phi i64 [ 0, %entry ], [ %names, %keyworded ]
  %state = load ptr, ptr %state_at
  %no_state = icmp eq ptr %state, null
  br i1 %no_state, label %slow, label %first
first:
  call void @Py_IncRef(ptr %state)
  %addresses_at = getelementptr i8, ptr %state, i64 tuple.items
  %addresses = load ptr, ptr %addresses_at
  %bytes_at = getelementptr i8, ptr %addresses, i64 16
  %bytes = load i64, ptr %bytes_at
  %begin = getelementptr i8, ptr %addresses, i64 32
  %end = getelementptr i8, ptr %begin, i64 %bytes
  br label %following
following:
  %at = phi ptr [ %begin, %first ], [ %at_next, %other_count ], [ %at_next, %no_error ]
  %exhausted = icmp eq ptr %at, %end
  br i1 %exhausted, label %no_entry, label %consider
consider:
  %at_next = getelementptr ptr, ptr %at, i64 1
  %descriptor = load ptr, ptr %at
  %wanted = load i64, ptr %descriptor
  %wanted_keywords_at = getelementptr %Descriptor, ptr %descriptor, Descriptor.keywords
  %wanted_keywords = load i64, ptr %wanted_keywords_at
  %count_is = icmp eq i64 %wanted, %count
  %keywords_are = icmp eq i64 %wanted_keywords, %keyword_count
  %counts_are = and i1 %count_is, %keywords_are
  br i1 %counts_are, label %try, label %other_count
other_count:
  br label %following
try:
  %result = call ptr @attempt(ptr %descriptor, ptr %arguments, ptr %keywords)
  %missed = icmp eq ptr %result, null
  br i1 %missed, label %failed, label %finish
failed:
  %error = call ptr @PyErr_Occurred()
  %is_error = icmp ne ptr %error, null
  br i1 %is_error, label %finish, label %no_error
no_error:
  br label %following
finish:
  call void @Py_DecRef(ptr %state)
  ret ptr %result
no_entry:
  call void @Py_DecRef(ptr %state)
  br label %slow

slow:
  %slow_at = getelementptr %Callable, ptr %self, i32 0, i32 4
  %slow_path = load ptr, ptr %slow_at
  %no_slow_path = icmp eq ptr %slow_path, null
  br i1 %no_slow_path, label %unusable, label %slow_call
unusable:
  call void @PyErr_BadInternalCall()
  ret ptr null
slow_call:
  call void @Py_IncRef(ptr %slow_path)
  %answer = call ptr @PyObject_Vectorcall(ptr %slow_path, ptr %arguments, i64 %count_and_flag, ptr %keywords)
  call void @Py_DecRef(ptr %slow_path)
  ret ptr %answer
}

; ---- the type: create, traverse, clear, deallocate -------------------------------------------------------------------
define ptr @create(ptr %type, ptr %arguments, ptr %keywords) {
  %self = call ptr @PyType_GenericAlloc(ptr %type, i64 0)
  %failed = icmp eq ptr %self, null
  br i1 %failed, label %done, label %ready
ready:
  %vectorcall_at = getelementptr %Callable, ptr %self, i32 0, i32 2
  store ptr @call, ptr %vectorcall_at
  br label %done
done:
  ret ptr %self
}

define i32 @traverse(ptr %self, ptr %visit, ptr %context) {
entry:
  br label %field
field: ; the type, the state and the slow path: fields 1, 3 and 4
  %number = phi i64 [ 1, %entry ], [ %number_next, %skip ], [ %number_next, %visited ]
  %following = icmp eq i64 %number, 1
  %step = select i1 %following, i64 2, i64 1
  %number_next = add i64 %number, %step
  %all = icmp ugt i64 %number, 4
  br i1 %all, label %done, label %look
look:
  %object_at = getelementptr ptr, ptr %self, i64 %number
  %object = load ptr, ptr %object_at
  %missing = icmp eq ptr %object, null
  br i1 %missing, label %skip, label %call
skip:
  br label %field
call:
  %outcome = call i32 %visit(ptr %object, ptr %context)
  %stop = icmp ne i32 %outcome, 0
  br i1 %stop, label %stopped, label %visited
visited:
  br label %field
done:
  ret i32 0
stopped:
  ret i32 %outcome
}

define i32 @clear(ptr %self) {
  %state_at = getelementptr %Callable, ptr %self, i32 0, i32 3
  %state = load ptr, ptr %state_at
  store ptr null, ptr %state_at
  call void @Py_DecRef(ptr %state)
  %slow_at = getelementptr %Callable, ptr %self, i32 0, i32 4
  %slow_path = load ptr, ptr %slow_at
  store ptr null, ptr %slow_at
  call void @Py_DecRef(ptr %slow_path)
  ret i32 0
}

define void @deallocate(ptr %self) {
  call void @PyObject_GC_UnTrack(ptr %self)
  %ignored = call i32 @clear(ptr %self)
  %type_at = getelementptr %Callable, ptr %self, i32 0, i32 1
  %type = load ptr, ptr %type_at
  call void @PyObject_GC_Del(ptr %self)
  call void @Py_DecRef(ptr %type)
  ret void
}
