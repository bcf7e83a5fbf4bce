// The back garden: lawn, patio, shed.
#version 3.7;
#include "lib.inc"
#include "figures.inc"
Daylight(<0.8,0.84,0.88>, <0.36,0.55,0.82>)
#if (PASS != 1)
  plane { y, 0 Surface(Grass) }
  Lawn(-6, 6, -12, -2, 11)
  box { <-6,0,-2.4>, <6,0.05,1> Surface(Paving) }
  #for (i, 0, 5) cylinder { <-0.6+i*0.5,0,-3.1-i*0.95>, <-0.6+i*0.5,0.06,-3.1-i*0.95>, 0.36 Surface(Paving) } #end
  object { Fence(70,1.8) translate <-6,0,-12> } object { Fence(80,1.8) rotate y*90 translate <5.2,0,0.1> } object { Fence(80,1.8) rotate y*90 translate <-6,0,0.5> }
  union {
    box { <0,0,0>, <2.6,2,2> Surface(Wood) } box { <0.8,0,2>, <1.7,1.8,2.03> Paint(<0.1,0.17,0.15>) } box { <1.9,0.9,2>, <2.4,1.5,2.03> Surface(Glass) }
    prism { linear_spline -0.15, 2.75, 4, <1.92,-0.25>, <2.75,1>, <1.92,2.25>, <1.92,-0.25> rotate z*90 translate x*2.6 Paint(<0.09,0.085,0.08>) }
    translate <2.2,0,-11.6>
  }
  Lamp(<2.7,1.95,-9.4>, <1.3,0.85,0.45>*1.2, 1.8) Lamp(<-1.5,2.7,0.1>, <1.3,0.9,0.55>*1.6, 2.4)
  TreeAt(<-3.9,0,-9.3>, 5.2, 1.9, 4, Green)
  BushAt(<-4.9,0,-6>, 0.9, 3, Dark) BushAt(<4.2,0,-5>, 0.8, 6, Green) BushAt(<4.3,0,-7.4>, 0.7, 16, Olive) BushAt(<0.3,0,-11.3>, 0.75, 26, Green)
  TreeAt(<3,0,-18>, 6, 2.3, 24, Dark) TreeAt(<-6,0,-19>, 6.4, 2.3, 44, Green) TreeAt(<10,0,-16>, 6, 2.2, 54, Dark)
  object { House(16, 4.6, 6, 0.8) rotate y*180 translate <0,0,-27> }
  object { House(14, 4.6, 6, 0.8) rotate y*140 translate <22,0,-24> } Hedge(<-14,0,-22>, <26,0,-22>, 1.9, 8, Dark) Hedge(<26,0,-22>, <30,0,4>, 1.9, 18, Dark) TreeAt(<24,0,-10>, 6.5, 2.4, 64, Green) object { House(14, 4.6, 6, 0.8) rotate y*105 translate <34,0,-6> }
  union { cylinder { <0,0.72,0>, <0,0.76,0>, 0.6 } cylinder { <0,0,0>, <0,0.74,0>, 0.05 } cylinder { <0,0.03,0>, <0,0.09,0>, 0.3 } Surface(Wood) translate <1.9,0,-1.2> }
  union { box { <-0.25,0.42,-0.25>, <0.25,0.46,0.25> } box { <-0.25,0.46,0.2>, <0.25,0.95,0.25> } #for (s, -1, 1, 2) cylinder { <s*0.22,0,0.2>, <s*0.22,0.45,0.2>, 0.025 } cylinder { <s*0.22,0,-0.2>, <s*0.22,0.45,-0.2>, 0.025 } #end Surface(Wood) rotate y*50 translate <2.9,0,-0.9> }
#end
Figure()
