(module
  (type (;0;) (func (param i32 i32 i32 i32) (result i32)))
  (type (;1;) (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 0))
  (import "rt" "123" (func (;0;) (type 0)))
  (import "rt" "100" (func (;1;) (type 1)))
  (export "f0" (func 2))
  (func (;2;) (type 1) (param i32 i32) (result i32)
    (local i32 i32 i32)
    local.get 1
    i32.load
    local.set 2
    local.get 1
    i32.load offset=8
    local.set 1
    local.get 0
    i32.const 2
    local.get 2
    local.get 1
    call 0
    local.set 3
    local.get 2
    i32.load
    local.tee 4
    i32.const 268435456
    i32.and
    i32.eqz
    if ;; label = @1
      local.get 2
      local.get 4
      i32.const -1
      i32.add
      local.tee 4
      i32.store
      local.get 4
      i32.const 4
      i32.shl
      i32.eqz
      (@metadata.code.branch_hint "\00")
      if ;; label = @2
        local.get 0
        local.get 2
        call 1
        drop
      end
    end
    local.get 1
    i32.load
    local.tee 4
    i32.const 268435456
    i32.and
    i32.eqz
    if ;; label = @1
      local.get 1
      local.get 4
      i32.const -1
      i32.add
      local.tee 4
      i32.store
      local.get 4
      i32.const 4
      i32.shl
      i32.eqz
      (@metadata.code.branch_hint "\00")
      if ;; label = @2
        local.get 0
        local.get 1
        call 1
        drop
      end
    end
    local.get 0
    i64.const 10
    i64.const 20
    local.get 3
    select
    i64.store
    i32.const 0
    return
    unreachable
  )
)
