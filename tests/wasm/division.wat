(module
  (type (;0;) (func (param i32 i32 i64 i64) (result i32 i64)))
  (import "env" "memory" (memory (;0;) 0))
  (export "f0" (func 0))
  (func (;0;) (type 0) (param i32 i32 i64 i64) (result i32 i64)
    (local i64 i64 i64 i64 i64 i64)
    local.get 2
    i64.const 10
    i64.div_s
    local.set 9
    local.get 9
    local.set 4
    local.get 2
    local.get 9
    i64.const 10
    i64.mul
    i64.sub
    local.set 5
    local.get 2
    i64.const 63
    i64.shr_s
    i64.const 61
    i64.shr_u
    local.get 2
    i64.add
    i64.const 3
    i64.shr_s
    local.set 9
    local.get 9
    local.set 6
    local.get 3
    local.get 2
    i64.or
    i64.const 32
    i64.shr_u
    i64.eqz
    if (result i64) ;; label = @1
      local.get 3
      i32.wrap_i64
      local.get 2
      i32.wrap_i64
      i32.div_u
      i64.extend_i32_u
    else
      local.get 3
      local.get 2
      i64.div_s
    end
    local.set 9
    local.get 3
    local.get 9
    local.get 2
    i64.mul
    i64.sub
    local.set 7
    i32.const 0
    local.get 4
    local.get 5
    i64.add
    local.get 6
    local.get 7
    i64.add
    i64.mul
    return
    unreachable
  )
)
