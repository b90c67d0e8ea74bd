(module
  (type (;0;) (func (param i32 i32 i64) (result i32 i64)))
  (type (;1;) (func (param i32 i64) (result i32)))
  (type (;2;) (func (param i32 i32 i32) (result i32)))
  (type (;3;) (func (param i32 i32) (result i32)))
  (import "env" "memory" (memory (;0;) 0))
  (import "env" "code" (table (;0;) 0 funcref))
  (import "rt" "107" (func (;0;) (type 1)))
  (import "rt" "132" (func (;1;) (type 2)))
  (import "rt" "100" (func (;2;) (type 3)))
  (export "f0" (func 3))
  (export "f1" (func 4))
  (func (;3;) (type 3) (param i32 i32) (result i32)
    (local i64 i64 i64 i32 i32 i32 i32 i64 i32 i32)
    block ;; label = @1
      block ;; label = @2
        block ;; label = @3
          local.get 0
          i32.load offset=28
          local.get 0
          i32.load offset=24
          i32.sub
          i32.const 4096
          i32.load
          i32.shr_u
          i32.const 2
          i32.sub
          local.tee 10
          local.get 0
          i32.load offset=12
          local.tee 11
          local.get 10
          local.get 11
          i32.lt_s
          select
          local.tee 6
          i32.const 0
          local.get 6
          i32.const 0
          i32.gt_s
          select
          local.set 6
          local.get 1
          i64.load
          local.set 2
          local.get 0
          local.get 6
          local.get 2
          i32.const 32792
          i32.load
          local.tee 10
          i32.const 2
          i32.eq
          if (type 0) (param i32 i32 i64) (result i32 i64) ;; label = @4
            call 4
          else
            local.get 10
            call_indirect (type 0)
          end
          local.set 3
          (@metadata.code.branch_hint "\00")
          br_if 0 (;@3;)
          local.get 0
          local.get 6
          local.get 3
          call 4
          local.set 4
          (@metadata.code.branch_hint "\00")
          br_if 0 (;@3;)
          local.get 0
          local.get 4
          call 0
          local.set 1
          local.get 0
          local.get 6
          i32.store offset=12
          local.get 0
          local.get 1
          local.get 1
          call 1
          local.set 5
          local.get 1
          i32.load
          local.tee 10
          i32.const 268435456
          i32.and
          i32.eqz
          if ;; label = @4
            local.get 1
            local.get 10
            i32.const -1
            i32.add
            local.tee 10
            i32.store
            local.get 10
            i32.const 4
            i32.shl
            i32.eqz
            (@metadata.code.branch_hint "\00")
            if ;; label = @5
              local.get 0
              local.get 6
              i32.store offset=12
              local.get 0
              local.get 1
              call 2
              (@metadata.code.branch_hint "\00")
              br_if 3 (;@2;)
            end
          end
          local.get 0
          local.get 4
          i64.store
          i32.const 0
          return
        end
        i64.const 0
        local.set 9
        local.get 0
        i32.load offset=24
        local.tee 7
        i32.const 8
        i32.add
        local.set 8
        local.get 7
        local.get 2
        i64.store
        br 1 (;@1;)
      end
      i64.const 1
      local.set 9
      local.get 0
      local.get 6
      i32.store offset=12
      local.get 0
      i32.load offset=24
      local.tee 7
      i32.const 16
      i32.add
      local.set 8
      local.get 7
      local.get 5
      i64.extend_i32_u
      i64.store offset=8
      local.get 7
      local.get 2
      i64.store
    end
    local.get 8
    local.get 9
    i64.store
    local.get 0
    local.get 8
    i32.const 8
    i32.add
    i32.store offset=24
    i32.const 1
    return
    unreachable
  )
  (func (;4;) (type 0) (param i32 i32 i64) (result i32 i64)
    (local i64 i64 i32 i32 i64 i32)
    block ;; label = @1
      block ;; label = @2
        block ;; label = @3
          block ;; label = @4
            local.get 1
            i32.eqz
            (@metadata.code.branch_hint "\00")
            br_if 0 (;@4;)
            local.get 1
            i32.const 1
            i32.sub
            local.set 1
            local.get 2
            i64.const 0
            i64.gt_s
            if ;; label = @5
              local.get 0
              local.get 1
              local.get 2
              i64.const 1
              i64.sub
              i32.const 32792
              i32.load
              local.tee 8
              i32.const 2
              i32.eq
              if (type 0) (param i32 i32 i64) (result i32 i64) ;; label = @6
                call 4
              else
                local.get 8
                call_indirect (type 0)
              end
              local.set 3
              (@metadata.code.branch_hint "\00")
              br_if 2 (;@3;)
              local.get 3
              local.get 2
              i64.add
              local.tee 4
              local.get 3
              i64.xor
              local.get 4
              local.get 2
              i64.xor
              i64.and
              i64.const 0
              i64.lt_s
              (@metadata.code.branch_hint "\00")
              br_if 3 (;@2;)
              local.get 1
              i32.const 1
              i32.add
              local.set 1
              i32.const 0
              local.get 4
              return
            end
            local.get 1
            i32.const 1
            i32.add
            local.set 1
            i32.const 0
            local.get 2
            return
          end
          i64.const 2
          local.set 7
          local.get 0
          local.get 1
          i32.store offset=12
          local.get 0
          i32.load offset=24
          local.tee 5
          i32.const 8
          i32.add
          local.set 6
          local.get 5
          local.get 2
          i64.store
          br 2 (;@1;)
        end
        i64.const 3
        local.set 7
        local.get 0
        i32.load offset=24
        local.tee 5
        i32.const 8
        i32.add
        local.set 6
        local.get 5
        local.get 2
        i64.store
        br 1 (;@1;)
      end
      i64.const 4
      local.set 7
      local.get 0
      local.get 1
      i32.store offset=12
      local.get 0
      i32.load offset=24
      local.tee 5
      i32.const 16
      i32.add
      local.set 6
      local.get 5
      local.get 3
      i64.store offset=8
      local.get 5
      local.get 2
      i64.store
    end
    local.get 6
    local.get 7
    i64.store
    local.get 0
    local.get 6
    i32.const 8
    i32.add
    i32.store offset=24
    i32.const 1
    i64.const 0
    return
    unreachable
  )
)
